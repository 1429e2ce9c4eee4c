//! The loop of every simulation: whoever is due acts, and what comes of it reaches the bus in order of append time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Debug;

use super::SimulatedRecord;
use super::random::Random;
use super::scenario::Delays;

/// Those who act, by index.
pub(super) trait Cast: Debug {
    /// A record before it is written.
    type Draft: Clone + Debug;

    /// Lets one act; what comes of it goes to `drafts`. Returns when they act next; `None` = never.
    fn act(&mut self, who: u32, now_ms: i64, drafts: &mut Vec<Self::Draft>) -> Option<i64>;

    /// When the collector got it (reports), or the request ended (log lines).
    fn received_ms(draft: &Self::Draft) -> i64;

    /// Whether it is a line of a delivery log.
    fn is_log(draft: &Self::Draft) -> bool;

    /// The ways to the bus, and how many of a thousand records are appended twice.
    fn ways(&self) -> (&Delays, u32);

    /// The record of a draft, as appended at `append_ms`.
    fn render(&mut self, draft: &Self::Draft, append_ms: i64) -> SimulatedRecord;
}

/// Something due at a time: `order` decides among equals, `place` says where it is kept.
type Due = Reverse<(i64, u64, u32)>;

/// A cast at play.
#[derive(Debug)]
pub(super) struct Play<C: Cast> {
    cast: C,
    /// No action begins at or after this.
    end_ms: i64,
    /// When each acts next; `order` and `place` are both their index.
    agenda: BinaryHeap<Due>,
    outbox: Outbox<C::Draft>,
    /// What an action yields, before it is given its way to the bus.
    drafts: Vec<C::Draft>,
    /// Draws delays and duplicates.
    courier: Random,
}

impl<C: Cast> Play<C> {
    /// The play of a cast whose members enter at `entrances`, in the order of their index.
    pub(super) fn new(cast: C, end_ms: i64, entrances: &[i64], courier: Random) -> Self {
        let due = |(index, at_ms): (u32, &i64)| Reverse((*at_ms, u64::from(index), index));
        let agenda = (0..).zip(entrances).map(due).collect();
        Self { cast, end_ms, agenda, outbox: Outbox::new(), drafts: Vec::new(), courier }
    }

    pub(super) fn cast(&self) -> &C {
        &self.cast
    }

    /// Lets the next one act. Returns false when nobody will any more.
    fn act(&mut self) -> bool {
        let Some(Reverse((now_ms, _, who))) = self.agenda.pop() else { return false };
        if now_ms >= self.end_ms {
            self.agenda.clear();
            return false;
        }
        if let Some(next_ms) = self.cast.act(who, now_ms, &mut self.drafts) {
            self.agenda.push(Reverse((next_ms, u64::from(who), who)));
        }
        let (delays, duplicates_permille) = self.cast.ways();
        for draft in self.drafts.drain(..) {
            let append_ms = C::received_ms(&draft) + delay_ms(&mut self.courier, C::is_log(&draft), delays);
            if self.courier.permille(duplicates_permille) {
                let again_ms = append_ms + self.courier.between(1, 2_000).cast_signed();
                self.outbox.push(again_ms, draft.clone());
            }
            self.outbox.push(append_ms, draft);
        }
        true
    }
}

impl<C: Cast> Iterator for Play<C> {
    type Item = SimulatedRecord;

    fn next(&mut self) -> Option<SimulatedRecord> {
        loop {
            let next_action_ms = self.agenda.peek().map_or(i64::MAX, |Reverse((at_ms, ..))| *at_ms);
            if let Some((append_ms, draft)) = self.outbox.pop_until(next_action_ms) {
                return Some(self.cast.render(&draft, append_ms));
            }
            if !self.act() && self.outbox.is_empty() {
                return None;
            }
        }
    }
}

/// From the collector, or from the end of the request, to the bus.
fn delay_ms(courier: &mut Random, is_log: bool, delays: &Delays) -> i64 {
    let mut delay_ms = if is_log {
        u64::from(delays.log_least_ms) + courier.spread(u64::from(delays.log_median_ms))
    } else {
        courier.between(2, 400)
    };
    if courier.permille(delays.late_permille) {
        let grace_ms = if is_log { delays.log_grace_ms } else { delays.report_grace_ms };
        // A window of 10 s closes when the newest time is past its end by grace and disorder bound; some seconds more for the
        // delay of the newest records themselves.
        delay_ms += u64::from(grace_ms) + u64::from(delays.disorder_ms) + courier.between(15_000, 40_000);
    } else if courier.permille(delays.disorder_permille) {
        delay_ms += courier.below(u64::from(delays.disorder_ms) + 1);
    }
    delay_ms.cast_signed()
}

/// What is on its way to the bus, in order of append time; the heap holds places only, because drafts are larger.
#[derive(Debug)]
struct Outbox<Draft> {
    heap: BinaryHeap<Due>,
    drafts: Vec<Option<Draft>>,
    free: Vec<u32>,
    pushed: u64,
}

impl<Draft> Outbox<Draft> {
    fn new() -> Self {
        Self { heap: BinaryHeap::new(), drafts: Vec::new(), free: Vec::new(), pushed: 0 }
    }

    fn push(&mut self, append_ms: i64, draft: Draft) {
        let free = self.free.pop().and_then(|place| Some((place, self.drafts.get_mut(place as usize)?)));
        let place = match free {
            Some((place, slot)) => {
                *slot = Some(draft);
                place
            }
            None => {
                self.drafts.push(Some(draft));
                (self.drafts.len() - 1) as u32
            }
        };
        self.heap.push(Reverse((append_ms, self.pushed, place)));
        self.pushed += 1;
    }

    /// The next draft, if it is appended at or before `until_ms`.
    fn pop_until(&mut self, until_ms: i64) -> Option<(i64, Draft)> {
        let Reverse((append_ms, _, place)) = *self.heap.peek()?;
        if append_ms > until_ms {
            return None;
        }
        self.heap.pop();
        self.free.push(place);
        let draft = self.drafts.get_mut(place as usize)?.take()?;
        Some((append_ms, draft))
    }

    fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}
