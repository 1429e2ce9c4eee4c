//! What Kaltura's plug-in counts in a player, with its habits (playkit-js-kava: `kava.ts`, `kava-timer.ts`).
//!
//! R1  Every attempt to send counts, also that of an event which does not say its number.
//! R2  After 30 s of pause the counters begin anew, and the session's name stays.
//! R3  A view is sent every 10 s of playing, unless nothing was played since the one before.

/// Seconds between two views.
const VIEW_S: u32 = 10;
/// Seconds of pause after which counters begin anew.
const RESET_S: u32 = 30;

/// What a second brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tick {
    /// Nothing to be sent.
    Quiet,
    /// A view is due.
    View,
}

/// The counters of a player.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plugin {
    /// The number of the next beacon.
    index: u32,
    pub(super) play_sum_ms: i64,
    pub(super) buffer_ms: i64,
    pub(super) buffer_sum_ms: i64,
    view_s: u32,
    paused_s: u32,
    last_view_ms: i64,
    /// Seconds in which a bit rate was played, and their product with it.
    rated_s: u64,
    rated: u64,
}

impl Plugin {
    pub(super) const fn new() -> Self {
        Self {
            index: 1,
            play_sum_ms: 0,
            buffer_ms: 0,
            buffer_sum_ms: 0,
            view_s: 0,
            paused_s: 0,
            last_view_ms: -1,
            rated_s: 0,
            rated: 0,
        }
    }

    /// The number of the beacon that is sent now.
    pub(super) const fn number(&mut self) -> u32 {
        let number = self.index;
        self.index += 1;
        number
    }

    /// A second in which the player is not paused, at this bit rate.
    pub(super) const fn second(&mut self, bitrate: u64) -> Tick {
        self.rated_s += 1;
        self.rated += bitrate;
        let is_due = self.view_s == VIEW_S;
        if is_due {
            self.view_s = 0;
        }
        self.view_s += 1;
        if is_due { Tick::View } else { Tick::Quiet }
    }

    /// A second of pause.
    pub(super) const fn paused_second(&mut self) {
        if self.paused_s == RESET_S {
            (self.index, self.play_sum_ms, self.buffer_sum_ms) = (1, 0, 0);
            (self.rated_s, self.rated) = (0, 0);
            (self.paused_s, self.view_s) = (0, 0);
        }
        self.paused_s += 1;
    }

    /// Playing again.
    pub(super) const fn resume(&mut self) {
        self.paused_s = 0;
    }

    /// A stall has lasted so long.
    pub(super) const fn stalled(&mut self, millis: i64) {
        self.buffer_ms += millis;
        self.buffer_sum_ms += millis;
    }

    /// Counts what is played up to a report of a live stream: the plug-in takes all of the time for playing that was not spent stalling.
    pub(super) const fn count_live(&mut self) {
        self.play_sum_ms += VIEW_S as i64 * 1_000 - self.buffer_ms;
    }

    /// Whether a view that is due is sent.
    pub(super) const fn has_played(&mut self) -> bool {
        let has_played = self.last_view_ms != self.play_sum_ms;
        self.last_view_ms = self.play_sum_ms;
        has_played
    }

    /// The mean bit rate.
    pub(super) const fn average(&self) -> u64 {
        match self.rated.checked_div(self.rated_s) {
            Some(average) => average,
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As in `tests/data/kaltura/beacons.jsonl`: views after 11 s, then every 10 s; a pause of 35 s begins anew, one of 5 s does not.
    #[test]
    fn counts_as_the_recorded_plug_in_does() {
        let mut plugin = Plugin::new();
        let views: Vec<u32> = (1..=31).filter(|_| plugin.second(800) == Tick::View).collect();
        assert_eq!(views, [11, 21, 31]);
        assert_eq!([plugin.number(), plugin.number()], [1, 2]);
        for (pause_s, next) in [(5, 3), (35, 1)] {
            (0..pause_s).for_each(|_| plugin.paused_second());
            plugin.resume();
            assert_eq!(plugin.number(), next, "{pause_s}");
        }
        assert_eq!(plugin.average(), 0, "counted anew");
    }
}
