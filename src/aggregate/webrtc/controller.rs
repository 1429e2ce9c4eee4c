//! What is recommended to whoever serves a session: a step down in quality, a step up, or to hold.
//!
//! R1  Health is 25 · (MOS − 1) of the worst stream of a window: 0 to 100. What decides is the median of the last windows with a score, at
//!     least [`WINDOWS_MIN`] of at most [`WINDOWS_MAX`]; a window without a score decides nothing.
//! R2  Down, if the median is below one threshold, or the window has too many freezes, and a side is at fault; where neither the network nor the CPU shows anything, fewer bits
//!     would make it no better. Up, if it is above another threshold, no side shows anything, and the path is not known to carry too little.
//! R3  After a step the windows before it count no more, and for a while there is no other step: shorter for one down. A step up that is
//!     followed by one down was a mistake: the next one waits twice as long. One that lasts makes up for it.
//! R4  It is decided when a window closes, from that window and what is carried, in integers: a replay decides the same.

use super::measure::Measure;
use super::totals::Totals;
use crate::aggregate::packed;
use crate::model::bytes::{Reader, Short, Writer};

const WINDOWS_MIN: usize = 3;
const WINDOWS_MAX: usize = 5;

/// What is recommended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Less quality.
    StepDown,
    /// The same.
    Hold,
    /// More quality.
    StepUp,
}

/// Which side shows that it is at its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Neither.
    None,
    /// Loss, freezes, or an encoder that is limited by the bandwidth.
    Network,
    /// An encoder that is limited by the CPU, or frames that were not decoded in time.
    Cpu,
}

impl Action {
    /// The name in records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StepDown => "step_down",
            Self::Hold => "hold",
            Self::StepUp => "step_up",
        }
    }
}

impl Fault {
    /// The name in records and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Network => "network",
            Self::Cpu => "cpu",
        }
    }
}

/// The constants of the decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControllerSettings {
    /// A median health below this is a reason to step down.
    pub downgrade_below: i64,
    /// A median health above this is a reason to step up.
    pub upgrade_above: i64,
    /// So many freezes in a window are a reason to step down at any health.
    pub freezes: i64,
    /// How much signs of the network count, 1e-3.
    pub network_sensitivity_milli: i64,
    /// How much signs of the CPU count, 1e-3.
    pub cpu_sensitivity_milli: i64,
    /// Signs that count for less than this, 1e-6, are none.
    pub evidence_min_ppm: i64,
    /// No step down for so long after any step, ms.
    pub down_cooldown_ms: i64,
    /// No step up for so long after any step, ms; it doubles with each mistake.
    pub up_cooldown_ms: i64,
    /// No longer than this.
    pub up_cooldown_max_ms: i64,
    /// How much more than now the path has to carry for a step up, 1e-3.
    pub headroom_milli: i64,
}

impl Default for ControllerSettings {
    fn default() -> Self {
        Self {
            downgrade_below: 50,
            upgrade_above: 80,
            freezes: 3,
            network_sensitivity_milli: 700,
            cpu_sensitivity_milli: 500,
            evidence_min_ppm: 50_000,
            down_cooldown_ms: 10_000,
            up_cooldown_ms: 30_000,
            up_cooldown_max_ms: 300_000,
            headroom_milli: 1_200,
        }
    }
}

/// A recommendation, with what speaks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// The tenant.
    pub tenant: Box<str>,
    /// The session: `app|call|participant`.
    pub session_id: Box<str>,
    /// The edge that serves it.
    pub edge: Box<str>,
    /// The end of the window that decided, ms since the Unix epoch.
    pub time_ms: i64,
    /// What to do. A hold is told only when it follows a step.
    pub action: Action,
    /// Why.
    pub fault: Fault,
    /// The median health, 0 to 100.
    pub health: i64,
}

/// What is decided for one session at the end of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) action: Action,
    pub(super) fault: Fault,
    pub(super) health: i64,
}

/// What the next decision must know of those before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Steering {
    /// The health of the last windows, the oldest first.
    healths: Vec<u8>,
    /// When the last step was, ms, and whether it was up.
    stepped: Option<(i64, bool)>,
    /// How many steps up in a row were mistakes.
    mistakes: i64,
    /// Whether the last thing told was a step.
    is_stepping: bool,
}

impl Steering {
    /// Decides at the end of a window whose worst stream has this score; `None` = there is nothing to tell.
    pub(super) fn decide(
        &mut self,
        settings: &ControllerSettings,
        totals: &Totals,
        score_milli: i64,
        end_ms: i64,
    ) -> Option<Decision> {
        let health = (score_milli.saturating_sub(1_000) / 40).clamp(0, 100);
        if self.healths.len() >= WINDOWS_MAX {
            self.healths.remove(0);
        }
        self.healths.push(u8::try_from(health).unwrap_or(0));
        let median = self.median()?;
        let fault = fault(settings, totals);
        let waited_ms = self.stepped.map_or(i64::MAX, |(stepped_ms, _)| end_ms.saturating_sub(stepped_ms));
        let freezes = totals.get(Measure::VideoInFreezes) >= settings.freezes;
        let wants_down = (median < settings.downgrade_below || freezes) && fault != Fault::None;
        let wants_up = median > settings.upgrade_above && fault == Fault::None && has_headroom(settings, totals);
        let action = if wants_down && waited_ms >= settings.down_cooldown_ms {
            Action::StepDown
        } else if wants_up && waited_ms >= self.up_cooldown_ms(settings) {
            Action::StepUp
        } else {
            Action::Hold
        };
        let is_news = action != Action::Hold || self.is_stepping;
        self.is_stepping = action != Action::Hold;
        if action != Action::Hold {
            self.step(action == Action::StepUp, end_ms);
        }
        is_news.then_some(Decision { action, fault, health: median })
    }

    fn step(&mut self, is_up: bool, end_ms: i64) {
        let was_up = self.stepped.is_some_and(|(_, was_up)| was_up);
        self.mistakes = match (was_up, is_up) {
            (true, false) => self.mistakes.saturating_add(1).min(16),
            (true, true) => 0,
            (false, _) => self.mistakes,
        };
        self.stepped = Some((end_ms, is_up));
        self.healths.clear();
    }

    fn up_cooldown_ms(&self, settings: &ControllerSettings) -> i64 {
        settings.up_cooldown_ms.saturating_mul(1 << self.mistakes).min(settings.up_cooldown_max_ms)
    }

    fn median(&self) -> Option<i64> {
        if self.healths.len() < WINDOWS_MIN {
            return None;
        }
        let mut sorted = self.healths.clone();
        sorted.sort_unstable();
        // Of an even number the worse of the two in the middle.
        sorted.get((sorted.len() - 1) / 2).map(|health| i64::from(*health))
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.bytes(&self.healths);
        packed::write(out, self.mistakes << 2 | i64::from(self.is_stepping) << 1 | i64::from(self.is_up()));
        packed::write_optional(out, self.stepped.map(|(stepped_ms, _)| stepped_ms), 0);
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, Short> {
        let healths = input.bytes()?.iter().take(WINDOWS_MAX).copied().collect();
        let flags = packed::read(input)?;
        let stepped = packed::read_optional(input, 0)?.map(|stepped_ms| (stepped_ms, flags & 1 == 1));
        Ok(Self { healths, stepped, mistakes: (flags >> 2).min(16), is_stepping: flags >> 1 & 1 == 1 })
    }

    fn is_up(&self) -> bool {
        self.stepped.is_some_and(|(_, is_up)| is_up)
    }
}

/// The side that shows more, if either shows enough.
fn fault(settings: &ControllerSettings, totals: &Totals) -> Fault {
    let value = |measure| totals.get(measure);
    let sum = |measures: &[Measure]| measures.iter().map(|measure| value(*measure)).fold(0, i64::saturating_add);
    let limited_us = sum(&[
        Measure::VideoOutUnlimitedUs,
        Measure::VideoOutCpuUs,
        Measure::VideoOutBandwidthUs,
        Measure::VideoOutOtherUs,
    ]);
    let lost_in = sum(&[Measure::AudioInLost, Measure::VideoInLost]);
    let all_in = sum(&[Measure::AudioInLost, Measure::VideoInLost, Measure::AudioInPackets, Measure::VideoInPackets]);
    let lost_out = sum(&[Measure::AudioOutRemoteLost, Measure::VideoOutRemoteLost]);
    let all_out = sum(&[Measure::AudioOutRemotePackets, Measure::VideoOutRemotePackets]);
    let network = [
        // A tenth of the packets lost is as bad as can be; so is a quarter of the time frozen.
        share_ppm(lost_in.saturating_mul(10), all_in),
        share_ppm(lost_out.saturating_mul(10), all_out),
        share_ppm(value(Measure::VideoInFreezeUs).saturating_mul(4), value(Measure::VideoInCoveredUs)),
        share_ppm(value(Measure::VideoOutBandwidthUs), limited_us),
    ];
    let cpu = [
        share_ppm(value(Measure::VideoOutCpuUs), limited_us),
        share_ppm(value(Measure::VideoInDropped), value(Measure::VideoInFramesReceived)),
    ];
    let weigh = |signs: &[i64], sensitivity_milli: i64| {
        signs.iter().max().copied().unwrap_or(0).saturating_mul(sensitivity_milli) / 1000
    };
    let network_ppm = weigh(&network, settings.network_sensitivity_milli);
    let cpu_ppm = weigh(&cpu, settings.cpu_sensitivity_milli);
    match network_ppm.max(cpu_ppm) {
        most if most < settings.evidence_min_ppm || most == 0 => Fault::None,
        most if most == network_ppm => Fault::Network,
        _ => Fault::Cpu,
    }
}

/// Whether the path carries as much more as a step up needs, in each direction in which that is known.
fn has_headroom(settings: &ControllerSettings, totals: &Totals) -> bool {
    let value = |measure| totals.get(measure);
    let directions = [
        (Measure::AvailableOutMin, Measure::AvailableOutCount, Measure::VideoOutBytes, Measure::VideoOutCoveredUs),
        (Measure::AvailableInMin, Measure::AvailableInCount, Measure::VideoInBytes, Measure::VideoInCoveredUs),
    ];
    directions.into_iter().all(|(available, count, bytes, covered)| {
        let (bytes, covered_us) = (value(bytes), value(covered));
        if value(count) == 0 || covered_us == 0 {
            return true;
        }
        let now_bps = bytes.saturating_mul(8_000_000) / covered_us;
        value(available) >= now_bps.saturating_mul(settings.headroom_milli) / 1000
    })
}

/// At most 1,000,000.
fn share_ppm(part: i64, whole: i64) -> i64 {
    if whole <= 0 { 0 } else { (part.saturating_mul(1_000_000) / whole).clamp(0, 1_000_000) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Decides on windows of 10 s, each with its score and the packets lost of a hundred; the steering is written and read in between.
    fn told(windows: &[(i64, i64)]) -> Vec<(i64, Action, Fault, i64)> {
        let mut steering = Steering::default();
        let mut told = Vec::new();
        for ((score_milli, lost), end_s) in windows.iter().zip((10..).step_by(10)) {
            let mut totals = Totals::default();
            totals.set(Measure::VideoInLost, *lost);
            totals.set(Measure::VideoInPackets, 100 - lost);
            let decision = steering.decide(&ControllerSettings::default(), &totals, *score_milli, end_s * 1000);
            told.extend(decision.map(|one| (end_s, one.action, one.fault, one.health)));
            let mut out = Writer::default();
            steering.write(&mut out);
            assert_eq!(Steering::read(&mut Reader::new(out.as_bytes())).as_ref(), Ok(&steering));
        }
        told
    }

    #[test]
    fn a_bad_network_steps_down_and_fewer_bits_are_no_cure_for_others() {
        // MOS 2.6 is a health of 40: the third window decides, and the next three after it.
        let down = |end_s| (end_s, Action::StepDown, Fault::Network, 40);
        assert_eq!(told(&[(2_600, 5); 6]), [down(30), down(60)]);
        assert_eq!(told(&[(2_600, 0); 6]), []);
        // One bad window among good ones is none; then there is a hold to be told after the step.
        assert_eq!(told(&[(4_000, 0), (1_000, 5), (4_000, 0), (4_000, 5)]), []);
        let hold = (60, Action::Hold, Fault::None, 75);
        assert_eq!(told(&[(2_600, 5), (2_600, 5), (2_600, 5), (4_000, 0), (4_000, 0), (4_000, 0)]), [down(30), hold]);
    }

    #[test]
    fn many_freezes_step_down_at_any_health() {
        let mut steering = Steering::default();
        let mut totals = Totals::default();
        totals.set(Measure::VideoInFreezeUs, 1_000_000);
        totals.set(Measure::VideoInCoveredUs, 10_000_000);
        let mut decide = |freezes, end_ms| {
            totals.set(Measure::VideoInFreezes, freezes);
            steering.decide(&ControllerSettings::default(), &totals, 4_000, end_ms)
        };
        assert_eq!((decide(2, 10_000), decide(2, 20_000), decide(2, 30_000)), (None, None, None));
        let down = Decision { action: Action::StepDown, fault: Fault::Network, health: 75 };
        assert_eq!(decide(3, 40_000), Some(down));
    }

    #[test]
    fn a_step_up_that_was_a_mistake_makes_the_next_one_wait_twice_as_long() {
        let (good, bad) = ((4_400, 0), (2_600, 5));
        // Up at 30 s; down at 60 s. Three good windows are there at 90 s, but 60 s have to pass: 120 s.
        let windows = [[good; 3], [bad; 3], [good; 3], [good; 3]].concat();
        let steps: Vec<_> = told(&windows).into_iter().filter(|one| one.1 != Action::Hold).collect();
        let expected = [
            (30, Action::StepUp, Fault::None, 85),
            (60, Action::StepDown, Fault::Network, 40),
            (120, Action::StepUp, Fault::None, 85),
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn no_step_up_onto_a_path_that_carries_too_little() {
        let mut totals = Totals::default();
        let mut set = |measure, value| totals.set(measure, value);
        set(Measure::VideoOutBytes, 1_250_000);
        set(Measure::VideoOutCoveredUs, 10_000_000);
        set(Measure::AvailableOutCount, 1);
        // 1 Mbit/s now; 1.2 Mbit/s are needed.
        set(Measure::AvailableOutMin, 1_199_999);
        assert!(!has_headroom(&ControllerSettings::default(), &totals));
        totals.set(Measure::AvailableOutMin, 1_200_000);
        assert!(has_headroom(&ControllerSettings::default(), &totals));
    }
}
