use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::QuotaRate;

/// Decides when a request may leave: a state machine of times and answers, without a clock and without waiting.
///
/// It is told none of the published quota models and obeys all of them. A request that was answered at a moment was counted by the
/// server at that moment or before, so a place in any window is free again one window after the answer, wherever the server's windows
/// begin. What the server tells about its own count makes more room or less.
///
/// Times are microseconds since the Unix epoch. It serialises, so that processes can share one through their ledger; each of them is
/// a *holder* of permits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pacer {
    limit: Option<Limit>,
    burst: Option<u64>,
    /// Requests that were answered, oldest first, and not refused for the quota.
    admitted: VecDeque<Bucket>,
    /// The same of the last second.
    recent: VecDeque<Moment>,
    /// Permits that were given and not accounted for yet.
    out: BTreeMap<u64, Out>,
    /// Requests of others that the server counts, and until when they may count.
    foreign: u64,
    foreign_until: u64,
    told: Option<Told>,
    blocked_until: u64,
    /// Whether one request may find out whether the block is over.
    may_probe: bool,
    /// When the next request is due, where they leave evenly.
    due: u64,
    refusals_in_a_row: u32,
    /// Whether the API has answered at all.
    has_heard: bool,
    /// Which block of ten minutes it is, and the requests that were admitted in it.
    #[serde(default)]
    in_block: (u64, u64),
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Limit {
    count: u64,
    window: u64,
    source: Source,
    /// Whether windows begin at full multiples of their length.
    in_blocks: bool,
    /// When the count was last found to be used up.
    refused_at: Option<u64>,
    /// How many were admitted then in a window that was not seen from its beginning: beyond them, a refusal may come any time.
    seen: Option<u64>,
}

/// Where a limit comes from; a later one is better.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
enum Source {
    /// The key's prefix.
    Assumed,
    /// The caller.
    Given,
    /// A whole window that ended with a refusal.
    Found,
    /// The server's headers.
    Told,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Bucket {
    /// When the first of its requests left.
    sent: u64,
    /// When the last of its answers arrived.
    answered: u64,
    count: u64,
    /// How many of them the server has surely counted: a lost request may never have arrived.
    sure: u64,
}

/// Answers that arrived within [`RECENT`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
struct Moment {
    first: u64,
    last: u64,
    count: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Out {
    count: u64,
    /// When whoever holds them is taken for gone.
    until: u64,
}

/// The server's own count, less what has left since.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Told {
    left: u64,
    resets_at: Option<u64>,
}

/// How requests leave within the quota.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Pace {
    /// Spread over the window, so that others with the same key find room at any time. A run that needs at most half of what is left
    /// goes at once.
    #[default]
    Even,
    /// Use what is there, then wait.
    Fast,
}

impl Pace {
    /// Every pace with its name in the settings.
    pub const ALL: [(&'static str, Self); 2] = [("even", Self::Even), ("fast", Self::Fast)];
}

/// What somebody who asks for permits wants.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Who asks; each process has its own number.
    pub holder: u64,
    /// How many permits at most.
    pub most: u64,
    /// How many requests are still to be sent in all.
    pub backlog: u64,
    /// How they leave.
    pub pace: Pace,
    /// The share of the quota that is left to others, from 0 to below 1.
    pub reserve: f64,
    /// For how long ahead permits are wanted, in microseconds.
    pub ahead: u64,
}

/// The answer to a [`Wish`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// So many requests may leave, at least one.
    Go(u64),
    /// None before this moment.
    NotBefore {
        /// The moment.
        moment: u64,
        /// Whether the quota is used up; otherwise requests are only spread.
        is_used_up: bool,
    },
    /// None before the answer to one that is under way.
    AfterAnswer,
}

/// What an answer told about the quota, in the pacer's times.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Observation {
    /// When the request left.
    pub sent: u64,
    /// When its answer arrived, or was given up.
    pub answered: u64,
    /// Requests that a window allows.
    pub limit: Option<u64>,
    /// Requests left.
    pub remaining: Option<u64>,
    /// When the server has more.
    pub resets_at: Option<u64>,
    /// The length of a window.
    pub window: Option<u64>,
    /// Present when the request was refused for the quota.
    pub refusal: Option<QuotaRefusal>,
    /// Whether the API itself answered, and not a gateway before it: then it has told what it tells about the quota.
    pub is_genuine: bool,
}

/// A refusal for the quota.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct QuotaRefusal {
    /// When the server asks to come again.
    pub retry_at: Option<u64>,
    /// The length of the windows in which the server counts, where its code gives that away.
    pub window: Option<u64>,
    /// Whether windows begin at full multiples of their length.
    pub in_blocks: bool,
}

const SECOND: u64 = 1_000_000;
const HOUR: u64 = 3_600 * SECOND;
/// A permit that was not accounted for by then never will be: its process has died.
const LONGEST_EXCHANGE: u64 = 60 * SECOND;
/// Most answers are here by then.
const LONGEST_PATIENCE: u64 = SECOND;
/// A longer wait for the next turn is a wait for quota.
const LONGEST_TURN: u64 = 10 * SECOND;
/// How much of a window a bucket may hold: the more, the later a place is free again.
const BUCKETS: u64 = 250;
/// How many loans a limit has room for, at least.
const LOANS: u64 = 8;
/// How many requests are risked at once where a refusal may come any time.
const FEW: u64 = 4;
/// The published limit that no answer tells before it is reached: requests in each block of ten minutes.
/// <https://docs.bizkithub.com/errors/PUBLIC_API_KEY_TOO_MANY_REQUEST>
const SILENT_LIMIT: u64 = 1_000;
const SILENT_WINDOW: u64 = 600 * SECOND;
/// How finely the last second is known.
const RECENT: u64 = SECOND / 200;

impl Pacer {
    /// A pacer that starts from what the caller gave, or from what the key suggests; without a limit until the server tells one.
    #[must_use]
    pub fn new(given: Option<QuotaRate>, assumed: Option<QuotaRate>) -> Self {
        let limit = |rate: QuotaRate, source| Limit {
            count: rate.limit(),
            window: micros(rate.window()),
            source,
            in_blocks: false,
            refused_at: None,
            seen: None,
        };
        let given = given.map(|rate| limit(rate, Source::Given)).zip(given);
        let assumed = assumed.map(|rate| limit(rate, Source::Assumed)).zip(assumed);
        let (limit, rate) = given.or(assumed).unzip();
        Self {
            limit,
            burst: rate.and_then(|rate: QuotaRate| rate.burst()),
            admitted: VecDeque::new(),
            recent: VecDeque::new(),
            out: BTreeMap::new(),
            foreign: 0,
            foreign_until: 0,
            told: None,
            blocked_until: 0,
            may_probe: false,
            due: 0,
            refusals_in_a_row: 0,
            has_heard: false,
            in_block: (0, 0),
        }
    }

    /// Goes on from a picture that another run left, with what the caller gives now.
    pub(crate) fn starting_from(mut self, initial: &Self) -> Self {
        let is_given = |limit: &Limit| limit.source == Source::Given;
        if let Some(given) = initial.limit.filter(is_given)
            && self.limit.is_none_or(|known| known.source <= Source::Given)
        {
            let refused_at = self.limit.and_then(|known| known.refused_at);
            (self.limit, self.burst) = (Some(Limit { refused_at, ..given }), initial.burst);
        }
        self
    }

    /// The limit as it is known or assumed; `None` where there is none.
    #[must_use]
    pub fn rate(&self) -> Option<QuotaRate> {
        let limit = self.limit?;
        Some(QuotaRate::new(limit.count, std::time::Duration::from_micros(limit.window)))
    }

    /// Whether the server itself has told or shown the limit.
    #[must_use]
    pub fn is_sure(&self) -> bool {
        self.limit.is_some_and(|limit| limit.source >= Source::Found)
    }

    /// Whether the server tells the quota with its answers.
    pub(crate) fn is_told(&self) -> bool {
        self.limit.is_some_and(|limit| limit.source == Source::Told)
    }

    /// Before this moment, nothing may leave: the server has refused for the quota.
    pub(crate) fn blocked_until(&self) -> u64 {
        self.blocked_until
    }

    /// Requests that may leave until the quota is used up, as far as it is known.
    #[must_use]
    pub fn left(&mut self, now: u64) -> Option<u64> {
        self.forget(now);
        self.limit.map(|limit| self.room(now, &limit, 0.0))
    }

    /// Asks for permits. Those that are given count as used until they are accounted for by [`Pacer::observe`] or
    /// [`Pacer::give_back`].
    pub fn ask(&mut self, now: u64, wish: &Wish) -> Decision {
        self.forget(now);
        let out = self.out_count();
        if now < self.blocked_until {
            return Decision::NotBefore { moment: self.blocked_until, is_used_up: true };
        }
        let is_blind = !self.has_heard && self.limit.is_none_or(|limit| limit.source == Source::Assumed);
        let fresh = self.fresh_out_count(now, wish.holder);
        if is_blind && fresh > 0 {
            // The first answer tells what the quota is: many requests before it might all be refused.
            return Decision::AfterAnswer;
        }
        let mut most = if is_blind { 1 } else { wish.most.max(1) };
        if self.is_silent() {
            // Whether the published limit holds, one request finds out, and not all that could be under way.
            let used = self.used_in_block(now);
            if used <= SILENT_LIMIT && used + fresh >= SILENT_LIMIT {
                if fresh > 0 {
                    return Decision::AfterAnswer;
                }
                most = 1;
            } else if used < SILENT_LIMIT {
                most = most.min(SILENT_LIMIT - used - fresh);
            }
        }
        if let Some(burst) = self.burst {
            let used = out + self.in_last_second();
            if used >= burst {
                let is_full = |limit: &Limit| out == 0 && self.room(now, limit, wish.reserve) == 0;
                let full = self.limit.filter(|limit| is_full(limit) && !self.may_find_more(now, limit));
                if let Some(limit) = full {
                    // The second is over soon; who waits is to know that the window is not.
                    return self.when_there_is_room(now, &limit, out);
                }
                return match self.recent.front() {
                    Some(oldest) => Decision::NotBefore { moment: oldest.last + SECOND, is_used_up: false },
                    None => Decision::AfterAnswer,
                };
            }
            most = most.min(burst - used);
        }
        if let Some(limit) = self.limit {
            let room = self.room(now, &limit, wish.reserve);
            if room == 0 {
                if out == 0 && self.may_find_more(now, &limit) {
                    return self.give(now, wish, 1);
                }
                if out > 0 && limit.count > self.used(now, &limit) + self.foreign {
                    // What is out may come back unused.
                    return Decision::AfterAnswer;
                }
                return self.when_there_is_room(now, &limit, out);
            }
            most = most.min(room);
            if wish.ahead > 0 {
                // Whoever is killed keeps what was lent until it is taken for gone: that must not be all there is.
                most = most.min((limit.count / LOANS).max(1));
            }
            if let Some(seen) = limit.seen {
                // The further beyond it, the less likely that it was the limit.
                let beyond = self.used(now, &limit).saturating_sub(seen);
                let at_once = if self.used(now, &limit) + out < seen { u64::MAX } else { (beyond / 8).max(FEW) };
                if out >= at_once {
                    return Decision::AfterAnswer;
                }
                most = most.min(at_once - out);
            }
            let fits = wish.pace == Pace::Fast || room / 2 >= wish.backlog;
            if !fits {
                match self.due_now(now, wish, &limit) {
                    Ok(due) => most = most.min(due),
                    // Who can do something else meanwhile need not wait that long for the next turn.
                    Err(moment) => {
                        return Decision::NotBefore { moment, is_used_up: moment.saturating_sub(now) >= LONGEST_TURN };
                    }
                }
            }
        }
        self.give(now, wish, most)
    }

    fn give(&mut self, now: u64, wish: &Wish, count: u64) -> Decision {
        self.may_probe = false;
        if let Some(told) = &mut self.told {
            // A reset lets one request find out what there is. Should its answer be lost, it may have used what there was; and so
            // may a request that left although the server had told of nothing left, because one of ours had made room.
            told.resets_at = told.resets_at.filter(|moment| *moment > now && told.left >= count);
            told.left = told.left.saturating_sub(count);
        }
        if let Some(interval) = self.limit.map(|limit| self.interval(&limit, wish.reserve)) {
            // A request that went ahead of its turn still takes it.
            self.due =
                self.due.max(now.saturating_sub(interval.max(SECOND))).saturating_add(interval.saturating_mul(count));
        }
        let out = self.out.entry(wish.holder).or_default();
        out.count += count;
        out.until = now + LONGEST_EXCHANGE;
        Decision::Go(count)
    }

    /// Gives a permit that was not asked for, to a request that leaves in any case.
    pub fn take(&mut self, now: u64, holder: u64) {
        let wish = Wish { holder, most: 1, backlog: 1, pace: Pace::Fast, reserve: 0.0, ahead: 0 };
        self.give(now, &wish, 1);
    }

    /// Takes unused permits back.
    pub fn give_back(&mut self, holder: u64, count: u64) {
        if count == 0 {
            return;
        }
        if let Some(out) = self.out.get_mut(&holder) {
            out.count = out.count.saturating_sub(count);
            if out.count == 0 {
                self.out.remove(&holder);
            }
        }
        if let Some(told) = &mut self.told {
            told.left += count;
        }
    }

    /// Takes in what became of a request. One that was not answered counts as if it had been admitted.
    pub fn observe(&mut self, holder: u64, seen: &Observation) {
        let now = seen.answered;
        self.forget(now);
        if let Some(out) = self.out.get_mut(&holder) {
            out.count = out.count.saturating_sub(1);
            if out.count == 0 {
                self.out.remove(&holder);
            }
        }
        self.has_heard |= seen.is_genuine;
        match &seen.refusal {
            None => self.admit(seen),
            Some(refusal) => self.refused(now, seen, refusal),
        }
        self.learn(now, seen);
    }

    fn admit(&mut self, seen: &Observation) {
        self.refusals_in_a_row = 0;
        let block = seen.answered / SILENT_WINDOW;
        // An answer that is heard of late belongs to a block that is over.
        if block >= self.in_block.0 {
            self.in_block = (block, self.used_in_block(seen.answered) + 1);
        }
        let sure = u64::from(seen.remaining.is_some());
        let width = self.limit.map_or(SECOND, |limit| limit.window / BUCKETS);
        match self.admitted.back_mut() {
            Some(bucket) if seen.answered.saturating_sub(bucket.sent) <= width && seen.answered >= bucket.answered => {
                bucket.answered = seen.answered;
                bucket.sent = bucket.sent.min(seen.sent);
                bucket.count += 1;
                bucket.sure += sure;
            }
            // Answers may overtake one another on their way here; the log stays in order.
            last => {
                let answered = last.map_or(seen.answered, |last| last.answered.max(seen.answered));
                self.admitted.push_back(Bucket { sent: seen.sent, answered, count: 1, sure });
            }
        }
        match self.recent.back_mut() {
            Some(moment) if seen.answered.saturating_sub(moment.first) < RECENT => {
                moment.last = moment.last.max(seen.answered);
                moment.count += 1;
            }
            _ => self.recent.push_back(Moment { first: seen.answered, last: seen.answered, count: 1 }),
        }
        // More than the limit that was found: it has grown, or was larger all the time.
        if let Some(mut limit) = self.limit.filter(|limit| limit.source == Source::Found) {
            limit.count = limit.count.max(self.used(seen.answered, &limit));
            self.limit = Some(limit);
        }
    }

    fn refused(&mut self, now: u64, seen: &Observation, refusal: &QuotaRefusal) {
        self.refusals_in_a_row = self.refusals_in_a_row.saturating_add(1);
        let is_told = seen.remaining.is_some() || seen.limit.is_some();
        if !is_told {
            self.find(now, refusal);
        } else if seen.remaining.is_some_and(|left| left > 0) {
            // There is room in the window, so that the second must be full.
            self.burst = Some(self.burst.unwrap_or(u64::MAX).min(self.in_last_second().max(1)));
        }
        let until_block = self.limit.filter(|limit| limit.in_blocks).map(|limit| block_end(now, limit.window));
        let patience = SECOND << self.refusals_in_a_row.min(7).saturating_sub(1);
        // A server that asks for no wait at all, again and again, must not be asked without a pause.
        let shortest = if self.refusals_in_a_row > 1 { now + patience } else { now };
        let moment = refusal.retry_at.or(until_block).unwrap_or(now + patience).max(shortest);
        self.blocked_until = self.blocked_until.max(moment);
        self.may_probe = true;
    }

    /// Learns from a refusal that tells no numbers. Only a window that was seen from its beginning shows the whole limit.
    fn find(&mut self, now: u64, refusal: &QuotaRefusal) {
        let known = self.limit;
        let window = refusal.window.or(known.map(|limit| limit.window)).unwrap_or(HOUR);
        let in_blocks = refusal.in_blocks;
        if let Some(given) = known.filter(|limit| limit.source == Source::Given) {
            // Others use the quota as well, or it was given wrongly; when it comes back, it is tried again.
            self.limit = Some(Limit { refused_at: Some(now), in_blocks: in_blocks || given.in_blocks, ..given });
            return;
        }
        let seen = Limit { count: 0, window, source: Source::Found, in_blocks, refused_at: Some(now), seen: None };
        if self.is_silent() && (window, in_blocks) == (SILENT_WINDOW, true) && self.used_in_block(now) == SILENT_LIMIT {
            // It is the published one: that it would come just here by chance is hard to believe.
            self.limit = Some(Limit { count: SILENT_LIMIT, ..seen });
            return;
        }
        let used = self.used(now, &seen);
        let is_whole = known.is_some_and(|limit| {
            limit
                .refused_at
                .is_some_and(|before| if in_blocks { before / window < now / window } else { before + window <= now })
        });
        let is_repeated = known
            .and_then(|limit| limit.refused_at)
            .is_some_and(|before| if in_blocks { before / window == now / window } else { before + window > now });
        self.limit = match known {
            Some(limit) if limit.source == Source::Found && is_repeated => Some(limit),
            Some(limit) if limit.source == Source::Found || is_whole => Some(Limit { count: used.max(1), ..seen }),
            // How much it really is, the next window will show.
            Some(limit) => {
                let count = limit.count.saturating_mul(window / limit.window.max(1)).max(limit.count);
                Some(Limit { count, source: limit.source, seen: Some(used), ..seen })
            }
            None => Some(Limit { count: u64::MAX / 4, source: Source::Assumed, ..seen }),
        };
    }

    fn learn(&mut self, now: u64, seen: &Observation) {
        let (Some(count), Some(remaining)) = (seen.limit, seen.remaining) else { return };
        let ahead = seen.resets_at.map(|moment| moment.saturating_sub(now));
        let known = self.limit.filter(|limit| limit.source == Source::Told);
        let mut window = seen.window.or(known.map(|limit| limit.window)).unwrap_or_else(|| {
            // An hour is published; a limit that the caller gave tells its window too.
            self.limit
                .filter(|limit| limit.source == Source::Given && limit.count == count)
                .map_or(HOUR, |limit| limit.window)
        });
        let used = count.saturating_sub(remaining);
        if seen.window.is_none() {
            window = window.max(ahead.unwrap_or_default());
            // The server counts `used` requests. If they are our last sure ones, the oldest of them leaves the window at the reset; if
            // some are others', ours are fewer, and the window is shorter than this.
            if let (Some(resets_at), Some(oldest)) = (seen.resets_at, self.oldest_of(used, seen)) {
                window = window.min(resets_at.saturating_sub(oldest).max(1));
            }
        }
        let limit = Limit { count, window, source: Source::Told, in_blocks: false, refused_at: None, seen: None };
        self.limit = Some(limit);
        if known.is_none_or(|known| known.count != count) && window >= 600 * SECOND {
            let burst = QuotaRate::burst_of(count);
            self.burst = Some(self.burst.map_or(burst, |known| known.min(burst)));
        }
        let out = self.out_count();
        self.foreign = used.saturating_sub(self.used(now, &limit)).saturating_sub(out);
        self.foreign_until = now + window;
        let not_in_it = out + self.answered_since(now, seen);
        // One that left later, and was answered before this one, may have used what the reset gives.
        let resets_at = seen.resets_at.filter(|_| not_in_it <= remaining);
        self.told = Some(Told { left: remaining.saturating_sub(not_in_it), resets_at });
    }

    /// Requests that were answered after this one had left: the server may have counted them after it told this one what is left.
    fn answered_since(&self, now: u64, seen: &Observation) -> u64 {
        let since: u64 = if now.saturating_sub(seen.sent) < SECOND {
            self.recent.iter().filter(|moment| moment.last > seen.sent).map(|moment| moment.count).sum()
        } else {
            self.admitted.iter().rev().take_while(|bucket| bucket.answered > seen.sent).map(|bucket| bucket.count).sum()
        };
        since.saturating_sub(u64::from(seen.refusal.is_none()))
    }

    /// When the oldest left of so many requests that the server counted last, if so many are known. Only those count that were answered
    /// before this one left: answers overtake one another, and a later one may not have been counted yet.
    fn oldest_of(&self, count: u64, seen: &Observation) -> Option<u64> {
        let mut left = count.checked_sub(u64::from(seen.refusal.is_none()))?;
        if left == 0 {
            return seen.refusal.is_none().then_some(seen.sent);
        }
        for bucket in self.admitted.iter().rev().filter(|bucket| bucket.answered <= seen.sent) {
            if bucket.sure >= left {
                return Some(bucket.sent);
            }
            left -= bucket.sure;
        }
        None
    }

    /// Whether nothing is known of the quota but what is assumed: no answer has told of it, and none was a refusal.
    fn is_silent(&self) -> bool {
        self.limit.is_none_or(|limit| limit.source == Source::Assumed && limit.refused_at.is_none())
    }

    fn in_last_second(&self) -> u64 {
        self.recent.iter().map(|moment| moment.count).sum()
    }

    fn used_in_block(&self, now: u64) -> u64 {
        let (block, count) = self.in_block;
        if block == now / SILENT_WINDOW { count } else { 0 }
    }

    /// How many requests may leave at once before the limit is reached.
    fn room(&self, now: u64, limit: &Limit, reserve: f64) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a count"
        )]
        let kept = (limit.count as f64 * reserve.clamp(0.0, 1.0)) as u64;
        let taken = self.used(now, limit) + self.out_count() + self.foreign + kept;
        let counted = limit.count.saturating_sub(taken);
        match self.told.filter(|_| limit.source == Source::Told) {
            Some(told) => counted.max(told.left.saturating_sub(kept)),
            None => counted,
        }
    }

    fn used(&self, now: u64, limit: &Limit) -> u64 {
        let is_within = |bucket: &&Bucket| match limit.in_blocks {
            true => bucket.answered / limit.window == now / limit.window,
            false => bucket.answered.saturating_add(limit.window) > now,
        };
        self.admitted.iter().rev().take_while(is_within).map(|bucket| bucket.count).sum()
    }

    /// Permits of whoever asks, and of those who asked a moment ago. The others may have been killed: what they keep counts as used, but
    /// is no reason to stand still where one request that is refused would tell more.
    fn fresh_out_count(&self, now: u64, holder: u64) -> u64 {
        let asked_lately = |out: &Out| now < out.until.saturating_sub(LONGEST_EXCHANGE - LONGEST_PATIENCE);
        self.out.iter().filter(|(other, out)| **other == holder || asked_lately(out)).map(|(_, out)| out.count).sum()
    }

    fn out_count(&self) -> u64 {
        self.out.values().map(|out| out.count).sum()
    }

    /// Whether one request may be sent to find out whether there is room after all: never twice in a window.
    fn may_find_more(&self, now: u64, limit: &Limit) -> bool {
        let is_reset = self.told.and_then(|told| told.resets_at).is_some_and(|moment| moment <= now);
        // The published limit need not be tried again.
        let is_published = limit.in_blocks && (limit.count, limit.window) == (SILENT_LIMIT, SILENT_WINDOW);
        let is_next_window = limit.source == Source::Found
            && !is_published
            && limit.refused_at.is_none_or(|refused_at| match limit.in_blocks {
                true => refused_at / limit.window < now / limit.window,
                false => refused_at + limit.window <= now,
            });
        self.may_probe || is_reset || is_next_window
    }

    fn when_there_is_room(&self, now: u64, limit: &Limit, out: u64) -> Decision {
        let oldest = match (limit.in_blocks, self.admitted.iter().find(|bucket| bucket.answered + limit.window > now)) {
            (true, _) => Some(block_end(now, limit.window)),
            (false, oldest) => oldest.map(|bucket| bucket.answered + limit.window),
        };
        let resets_at = self.told.and_then(|told| told.resets_at).filter(|moment| *moment > now);
        let foreign = Some(self.foreign_until).filter(|moment| self.foreign > 0 && *moment > now);
        match oldest.into_iter().chain(resets_at).chain(foreign).min() {
            Some(moment) => Decision::NotBefore { moment: moment.max(now + 1), is_used_up: true },
            None if out > 0 => Decision::AfterAnswer,
            // Others have it all, and nothing tells when they let go.
            None => Decision::NotBefore { moment: now + SECOND, is_used_up: true },
        }
    }

    fn interval(&self, limit: &Limit, reserve: f64) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a count"
        )]
        let share = (limit.count as f64 * (1.0 - reserve.clamp(0.0, 1.0))) as u64;
        // With one in a hundred more, a limit that has grown is found; it is obeyed all the same.
        let share = if limit.source == Source::Found { share + share / 100 + 1 } else { share };
        limit.window / share.saturating_sub(self.foreign.min(share / 2)).max(1)
    }

    /// How many requests are due, or when the next one is.
    fn due_now(&mut self, now: u64, wish: &Wish, limit: &Limit) -> Result<u64, u64> {
        let interval = self.interval(limit, wish.reserve);
        // Turns that were missed are made up for, but not those of a long idle time.
        self.due = self.due.max(now.saturating_sub(interval.max(SECOND)));
        let horizon = now.saturating_add(wish.ahead);
        if self.due > horizon {
            return Err(self.due.saturating_sub(wish.ahead).max(now + 1));
        }
        Ok((horizon - self.due) / interval.max(1) + 1)
    }

    fn forget(&mut self, now: u64) {
        let longest = self.limit.map_or(HOUR, |limit| limit.window);
        while self.admitted.front().is_some_and(|bucket| bucket.answered.saturating_add(longest) <= now) {
            self.admitted.pop_front();
        }
        if self.foreign_until <= now {
            self.foreign = 0;
        }
        // As late as its last answer, so that none of them is forgotten early.
        while self.recent.front().is_some_and(|moment| moment.last + SECOND <= now) {
            self.recent.pop_front();
        }
        // A process that died may have sent what it was permitted to.
        while let Some((&holder, out)) = self.out.iter().find(|(_, out)| out.until <= now) {
            self.admitted.push_back(Bucket { sent: now, answered: now, count: out.count, sure: 0 });
            self.out.remove(&holder);
            // What the server told before may be used up by them.
            if let Some(told) = &mut self.told {
                told.resets_at = None;
            }
        }
    }
}

/// When the next block begins, and a little later where clocks differ a little.
fn block_end(now: u64, window: u64) -> u64 {
    (now / window + 1) * window + (window / 400).min(SECOND)
}

/// A duration in microseconds.
pub(crate) fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
