/*
 * The lock in Redis: one script for everything, which carries out many operations on many locks at once, each by itself.
 *
 * KEYS: six for each operation, all with one hash tag (see keys.ts): the exclusive holder, a plain string with an expiry,
 * as every Redis lock library writes it; `:shared` (holder -> expiry); `:permits` (shared holder -> its limit, if it has
 * one); `:queue` (waiter -> arrival); `:claims` (waiter -> what it asks for); `:fence` (the last token).
 * ARGV of each operation: `release holder`; `renew holder ttl` or `renewShared holder ttl`; `acquire holder ttl fences rest`
 * or `acquireShared holder ttl fences rest`, where the rest is `permits wait counted channel`, with 0 for no limit and - for
 * no channel.
 *
 * What most operations come to is done right away, in as few calls and with as little Lua as possible: a free lock is
 * taken, one that nobody waits for is let go, an exclusive one is renewed. The functions for all the rest are only made
 * when they are needed, which takes longer than any of these.
 *
 * Every operation that may free the lock or change the queue ends in the same grant step, so a free lock never sits behind
 * a queue. Only the server's TIME counts, expiries are absolute, and numbers become text with %.0f: Lua's own way loses
 * digits of microseconds.
 */
export const SCRIPT = `
local us -- the server's time in µs, once somebody has asked for it

-- Makes the function that carries out any operation on the lock whose keys begin at the given one.
local function make()
  if not us then
    local time = redis.call('TIME')
    us = time[1] * 1000000 + time[2]
  end
  local now = math.floor(us / 1000)
  local lock, shared, permitsKey, queue, claims, fence
  local function int(n) return string.format('%.0f', n) end

  -- A block of n tokens: after the last one, and after every token that was given before the key was lost.
  local function issue(n)
    local first = math.max((tonumber(redis.call('GET', fence)) or 0) + 1, us)
    redis.call('SET', fence, int(first + n - 1), 'EX', 86400)
    return first
  end

  -- A key whose entries expire one by one must outlive the last of them.
  local function keep(key, ms)
    if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, int(ms)) end
  end

  local function fits(mode, permits)
    if redis.call('EXISTS', lock) == 1 then return false end
    local count = redis.call('ZCARD', shared)
    if mode == 'x' then return count == 0 end
    if permits > 0 and count >= permits then return false end
    local least = redis.call('ZRANGE', permitsKey, 0, 0, 'WITHSCORES')
    return not least[2] or count < tonumber(least[2])
  end

  -- Forgets the shared holders whose time is over.
  local function purge()
    repeat
      local expired = redis.call('ZRANGEBYSCORE', shared, '-inf', int(now), 'LIMIT', 0, 1000)
      if #expired > 0 then
        redis.call('ZREM', shared, unpack(expired))
        redis.call('ZREM', permitsKey, unpack(expired))
      end
    until #expired < 1000
  end

  local function take(id, mode, permits, ttl)
    if mode == 'x' then
      redis.call('SET', lock, id, 'PXAT', int(now + ttl))
      return
    end
    redis.call('ZADD', shared, int(now + ttl), id)
    keep(shared, ttl)
    if permits > 0 then
      redis.call('ZADD', permitsKey, int(permits), id)
      keep(permitsKey, ttl)
    end
  end

  local function leave(id)
    if redis.call('ZREM', queue, id) == 1 then redis.call('HDEL', claims, id) end
  end

  -- What a waiter asked for, when it last did, and whether it has been granted a trial since.
  local function recall(id)
    local text = redis.call('HGET', claims, id)
    if not text then return nil end
    local mode, permits, ttl, fences, asked, tried, counted, channel = text:match(
      '^(%a) (%d+) (%d+) (%d+) (%d+) (%d) (%d) (%S+)$')
    return {
      mode = mode, permits = tonumber(permits), ttl = tonumber(ttl), fences = tonumber(fences),
      asked = tonumber(asked), tried = tried == '1', counted = counted == '1', channel = channel
    }
  end

  local function write(id, claim)
    redis.call('HSET', claims, id, table.concat({
      claim.mode, int(claim.permits), int(claim.ttl), int(claim.fences), int(claim.asked),
      claim.tried and '1' or '0', claim.counted and '1' or '0', claim.channel
    }, ' '))
  end

  -- How many of this server's clients would hear a message; nil if that means nothing or may not be asked. What PUBLISH
  -- answers comes too late: replicas pass messages on, so that somebody may have heard of a grant though it says 0.
  local function listeners(claim)
    if not claim.counted or claim.channel == '-' then return nil end
    local count = redis.pcall('PUBSUB', 'NUMSUB', claim.channel)[2]
    return tonumber(count)
  end

  -- Answers whether the message could be sent.
  local function tell(claim, id, kind, first, expiry)
    if claim.channel == '-' then return false end
    local heard = redis.pcall('PUBLISH', claim.channel, table.concat({ id, kind, int(first), int(us), int(expiry) }, ' '))
    return type(heard) == 'number'
  end

  -- Grants to a waiter that is not the caller. One that may be dead (not heard of for a second: a stopped process still
  -- counts as a receiver) or that cannot be told for sure gets a trial: two seconds, which it extends when it asks again.
  -- If it does not, it has lost nothing: it is still in its place. One whom nobody hears is passed over, and keeps its place.
  -- Answers whether it stays in the queue.
  local function offer(id, claim, deaf)
    if deaf[claim.channel] then return true end
    local count, silence, trial = listeners(claim), now - claim.asked, math.min(2000, claim.ttl)
    if count == 0 then
      deaf[claim.channel] = true
      return true
    end
    local sure = count and silence >= 0 and silence <= 1000
    local first, ttl = issue(claim.fences), sure and claim.ttl or trial
    if tell(claim, id, sure and 'grant' or 'trial', first, now + ttl) and sure then
      leave(id)
      take(id, claim.mode, claim.permits, ttl)
      return false
    end
    claim.tried = true
    write(id, claim)
    take(id, claim.mode, claim.permits, trial)
    return true
  end

  -- When the time of the current holder ends, or of the first of them, unless it is renewed.
  local function ending()
    local left = redis.call('PTTL', lock)
    if left == -1 then return math.huge end -- a key of somebody else's
    if left >= 0 then return now + left end
    local first = redis.call('ZRANGE', shared, 0, 0, 'WITHSCORES')
    return tonumber(first[2]) or now
  end

  -- The grant step: whatever is free goes to those who lead the queue. The first who has to go on waiting is told to look
  -- again when a holder's time ends, should it not do so in time by itself; if it may be dead, so are some behind it.
  -- Answers the first token of the caller's own grant, if it is granted, and whether everybody was passed: then nobody who
  -- is alive wants what is free.
  local function step(me)
    purge()
    local mine, soonest, longest, deaf, from, looks = nil, nil, 0, {}, 0, 0
    while true do
      local ids = redis.call('ZRANGE', queue, from, from + 31)
      if #ids == 0 then
        if from > 0 then -- those who are still there may all be dead: the keys end with the last of them
          redis.call('PEXPIREAT', queue, int(longest))
          redis.call('PEXPIREAT', claims, int(longest))
        end
        return mine, looks == 0
      end
      for _, id in ipairs(ids) do
        local claim, stays = recall(id), false
        local dies = claim and claim.asked + math.max(claim.ttl, 1000)
        if not claim or dies < now then
          leave(id)
        elseif claim.tried then
          stays = true -- on trial now, or it missed one: its turn comes when it asks again
        elseif looks > 0 or not fits(claim.mode, claim.permits) then
          soonest = soonest or ending()
          if id == me or looks == 4 or soonest >= claim.asked + claim.ttl / 3 then return mine, false end
          tell(claim, id, 'look', 0, soonest)
          if now - claim.asked <= 1000 and listeners(claim) ~= 0 then return mine, false end
          looks = looks + 1
          stays = true
        elseif id == me then
          mine = issue(claim.fences)
          leave(id)
          take(id, claim.mode, claim.permits, claim.ttl)
        else
          stays = offer(id, claim, deaf)
        end
        if stays then
          from = from + 1
          longest = math.max(longest, dies)
        end
      end
    end
  end

  -- Answers { first token, µs }, or just the token if they are the same; { 0, µs, ms until a holder's time ends } if not.
  local function acquire(id, mode, ttl, fences, rest)
    local permits, wait, counted, channel = rest:match('^(%d+) (%d) (%d) (%S+)$')
    permits, ttl, fences, wait = tonumber(permits), tonumber(ttl), tonumber(fences), wait == '1'
    if redis.call('GET', lock) == id or tonumber(redis.call('ZSCORE', shared, id) or 0) > now then -- the holder asks again
      local first = issue(fences)
      leave(id)
      take(id, mode, permits, ttl)
      return { first, us }
    end

    if wait then
      local waits = redis.call('ZSCORE', queue, id)
      write(id, { -- first, since it may fail, and nobody must wait who asks for nothing
        mode = mode, permits = permits, ttl = ttl, fences = fences, asked = now, tried = false,
        counted = counted == '1', channel = channel
      })
      if not waits then
        local last = redis.call('ZRANGE', queue, -1, -1, 'WITHSCORES')
        redis.call('ZADD', queue, int(math.max(us, (tonumber(last[2]) or 0) + 1)), id)
      end
      keep(queue, math.max(ttl, 1000))
      keep(claims, math.max(ttl, 1000))
    end
    local mine, passed = step(id)
    if not wait and passed and fits(mode, permits) then
      mine = issue(fences)
      take(id, mode, permits, ttl)
    end
    if mine then return { mine, us } end
    local left = math.min(ttl, math.max(0, ending() - now))
    return { 0, us, left }
  end

  -- Takes from the holder whatever it has, the lock or its place in the queue. Answers 1 if it had the lock.
  local function release(id)
    local held = redis.call('GET', lock) == id
    if held then redis.call('DEL', lock) end
    local expiry = redis.call('ZSCORE', shared, id)
    if expiry then
      redis.call('ZREM', shared, id)
      redis.call('ZREM', permitsKey, id)
      held = tonumber(expiry) > now
    end
    leave(id)
    step(nil)
    return held and 1 or 0
  end

  -- Answers 1 if the shared holder still has the lock, now for the full ttl.
  local function renew(id, ttl)
    if tonumber(redis.call('ZSCORE', shared, id) or 0) <= now then return 0 end
    redis.call('ZADD', shared, int(now + ttl), id)
    keep(shared, ttl)
    keep(permitsKey, ttl)
    return 1
  end

  return function(operation, at, key)
    lock, shared, permitsKey, queue, claims, fence = unpack(KEYS, key, key + 5)
    local id, ttl = ARGV[at + 1], tonumber(ARGV[at + 2])
    if operation == 'release' then return release(id) end
    if operation == 'renew' then return 0 end
    if operation == 'renewShared' then return renew(id, ttl) end
    return acquire(id, operation == 'acquire' and 'x' or 's', ttl, ARGV[at + 3], ARGV[at + 4])
  end
end

local answers, at, inFull = {}, 1, nil
for key = 1, #KEYS, 6 do
  local operation, id, lock, answer, size = ARGV[at], ARGV[at + 1], KEYS[key], nil, 3
  if operation == 'release' then
    size = 2
    if redis.call('EXISTS', KEYS[key + 1], KEYS[key + 3]) == 0 and redis.pcall('GET', lock) == id then
      answer = redis.call('DEL', lock)
    end
  elseif operation == 'renew' then
    if redis.pcall('GET', lock) == id then answer = redis.call('PEXPIRE', lock, ARGV[at + 2]) end
  elseif operation ~= 'renewShared' then
    size = 5
    local taken = operation == 'acquire' and redis.call('EXISTS', KEYS[key + 1], KEYS[key + 3]) == 0
      and redis.pcall('SET', lock, id, 'NX', 'PX', ARGV[at + 2])
    if taken and taken.err then
      answer = taken -- out of memory, say: the other operations must not hear of that
    elseif taken then
      if not us then
        local time = redis.call('TIME')
        us = time[1] * 1000000 + time[2]
      end
      local n = ARGV[at + 3]
      local last = redis.pcall('SET', KEYS[key + 5], string.format('%.0f', us + n - 1), 'EX', '86400', 'GET')
      if not last or type(last) == 'string' and (tonumber(last) or 0) < us then
        answer = us
      elseif type(last) == 'string' then
        redis.call('SET', KEYS[key + 5], string.format('%.0f', last + n), 'EX', '86400')
        answer = { last + 1, us }
      else
        redis.call('DEL', lock) -- something else is in the place of the tokens
        answer = last
      end
    end
  end
  if not answer then
    inFull = inFull or make()
    local ok
    ok, answer = pcall(inFull, operation, at, key)
    if not ok and type(answer) ~= 'table' then answer = redis.error_reply(answer) end
  end
  -- A primary that has become a replica: nothing can have been written, and the client is to see it, and to connect anew.
  if type(answer) == 'table' and answer.err and answer.err:find('READONLY', 1, true) then return answer end
  answers[#answers + 1] = answer
  at = at + size
end
return answers
`;
