-- get: one key and the head revision it was read at; with an empty key only the head.
--
-- KEYS  1 data  2 meta
-- ARGV  1 epoch  2 key or ""
--
-- Replies {"ok", head, compacted, stored value or nil} | {"epoch"}.

local meta = redis.call('HMGET', KEYS[2], 'epoch', 'revision', 'compacted')
if meta[1] ~= ARGV[1] then
  return {'epoch'}
end
local stored = false
if ARGV[2] ~= '' then
  stored = redis.call('HGET', KEYS[1], ARGV[2])
end
return {'ok', meta[2], meta[3], stored}
