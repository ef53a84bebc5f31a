-- events: history after a revision, oldest first.
--
-- KEYS  1 events  2 meta
-- ARGV  1 epoch  2 revision  3 most entries to return
--
-- Replies {"ok", head, compacted, {stream entries…}} | {"expired", head, compacted} | {"future", head, compacted} | {"epoch"}.
--
-- A revision is a point in this history only if it left an entry, or is exactly the one compacted up to. One that
-- did neither was handed out by a history that Redis lost: continuing from it would skip what was lost, so it is
-- as expired as one that was trimmed.

local meta = redis.call('HMGET', KEYS[2], 'epoch', 'revision', 'compacted')
if meta[1] ~= ARGV[1] then
  return {'epoch'}
end
local after, head, compacted = tonumber(ARGV[2]), tonumber(meta[2]), tonumber(meta[3])
if after > head then
  return {'future', meta[2], meta[3]}
end
if after < compacted then
  return {'expired', meta[2], meta[3]}
end
local from = string.format('%.0f-0', after)
if after > compacted and #redis.call('XRANGE', KEYS[1], from, from) == 0 then
  return {'expired', meta[2], meta[3]}
end
return {'ok', meta[2], meta[3], redis.call('XRANGE', KEYS[1], '(' .. from, '+', 'COUNT', ARGV[3])}
