-- fence: decide whether this Redis still holds the history the caller has seen, and leave a state that is safe to
-- go on from. Runs whenever a connection was lost, and before a process does anything else.
--
-- KEYS  1 events  2 meta
-- ARGV  1 epoch the caller was fenced in; "" for a process that just started
--       2 highest revision the caller has seen; "0" for none
--       3 run ID of this Redis server; "" if it may not be asked
--       4 now, in milliseconds
--       5 epoch to use if one is needed
--       6 revision a new store starts at; "0" for the wall clock, which also allows gaps (below)
--
-- Replies {"intact" | "lost", epoch, head, compacted}.
--
-- What may have happened:
--   * Nothing: the last revision seen is still in the history. Recovery keeps a prefix of the history, so everything
--     before it is there too.
--   * Redis lost its tail or all of it, or an older copy was restored. Revisions already handed out must never name
--     different states, so the counter jumps far ahead, the history is dropped, and everyone starts over: "lost".
--   * Another process found that out before us: the epoch differs.
--   * Redis was restarted and *we* miss nothing; but another process may have seen revisions that are gone, so they
--     must not be issued again. The counter moves on to the wall clock, which outruns any counter that grows by less
--     than a thousand a second (or far ahead, should the clock be behind), and a marker in the history says that the gap is ours. Nobody who did see the lost
--     revisions will find them in the history (see events.lua).

local JUMP = 1048576

local meta = redis.call('HMGET', KEYS[2], 'epoch', 'revision', 'compacted', 'incarnation')
local epoch, head, compacted, incarnation = meta[1], tonumber(meta[2]), tonumber(meta[3]), meta[4]
local known, seen, now, initial = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[6])

local function number(n)
  return string.format('%.0f', n)
end

local function start(revision, marker, from)
  redis.call('XADD', KEYS[1], number(revision) .. '-0', marker, number(from))
  redis.call('HSET', KEYS[2], 'revision', number(revision), 'incarnation', ARGV[3])
end

if not epoch then
  if known == '' then
    -- A new store.
    redis.call('DEL', KEYS[1])
    local first = initial
    if first == 0 then
      first = now
    end
    start(first, 'j', 0)
    redis.call('HSET', KEYS[2], 'epoch', ARGV[5], 'compacted', '0')
    return {'intact', ARGV[5], number(first), '0'}
  end
  head, compacted = 0, 0
end

local changed = known ~= '' and epoch ~= known
local lost = changed
if known ~= '' and not changed then
  local from = number(seen) .. '-0'
  lost = head < seen or (seen > compacted and #redis.call('XRANGE', KEYS[1], from, from) == 0)
end

if not lost then
  if incarnation ~= ARGV[3] then
    if initial == 0 then
      local target = now
      if target <= head then
        target = head + JUMP -- the clock was set back
      end
      start(target, 'j', head)
      head = target
    else
      redis.call('HSET', KEYS[2], 'incarnation', ARGV[3])
    end
  end
  return {'intact', epoch, number(head), number(compacted)}
end

if epoch and changed and head >= seen and incarnation == ARGV[3] then
  -- Another process has already moved everyone on.
  return {'lost', epoch, number(head), number(compacted)}
end

local target = math.max(now, seen + JUMP, head + JUMP)
redis.call('DEL', KEYS[1])
start(target, 'f', head)
redis.call('HSET', KEYS[2], 'epoch', ARGV[5], 'compacted', number(target))
return {'lost', ARGV[5], number(target), number(target)}
