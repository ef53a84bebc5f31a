-- resolve: find out whether a mutation whose reply was lost has happened, and if not, make sure that it never will.
--
-- KEYS  1 events  2 meta  3 aborted
-- ARGV  1 epoch  2 token of the attempt  3 a revision from before the attempt  4 milliseconds to remember an abort
--
-- Replies {"ok", revision} | {"never", head} | {"unknown", head} | {"epoch"}.
--
-- Reading alone cannot tell: the request may still sit in a socket buffer of the broken connection and run after
-- the read. Hence the abort, which mutate.lua honours.

local meta = redis.call('HMGET', KEYS[2], 'epoch', 'revision', 'compacted')
if meta[1] ~= ARGV[1] then
  return {'epoch'}
end

local from = '(' .. ARGV[3] .. '-0'
while true do
  local entries = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 256)
  for _, entry in ipairs(entries) do
    local fields = entry[2]
    for i = 1, #fields, 2 do
      if fields[i] == 't' and fields[i + 1] == ARGV[2] then
        return {'ok', string.match(entry[1], '^%d+')}
      end
    end
  end
  if #entries < 256 then
    break
  end
  from = '(' .. entries[#entries][1]
end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', now - ARGV[4]))
redis.call('ZADD', KEYS[3], string.format('%.0f', now), ARGV[2])
if tonumber(ARGV[3]) < tonumber(meta[3]) then
  -- Some of the history in question has been trimmed: it may have happened there.
  return {'unknown', meta[2]}
end
return {'never', meta[2]}
