//! The classes of statistics objects that something is computed from, and which of their members a sample keeps.
//!
//! The members that are measured come from the declarations in [`super::measure`]; here is what else a sample needs: what tells that an
//! object began anew, and what was found out from other objects of the same report.

use std::sync::LazyLock;

use super::measure::{Measure, declared};
use crate::model::webrtc::{MediaKind, Member, Object, ObjectType};

/// What a sample is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Class {
    /// The report itself: one for each.
    Report,
    /// Something that happened to the connection.
    Event,
    AudioIn,
    VideoIn,
    AudioOut,
    VideoOut,
    /// What the far end says of audio sent.
    AudioOutRemote,
    /// What the far end says of video sent.
    VideoOutRemote,
    /// What the far end says of media received.
    InRemote,
    AudioSource,
    VideoSource,
    Playout,
    Transport,
    Pair,
}

/// What is known of an object from others in its report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Extra {
    /// Of a report: the published hash of its roll-up key, which decides where the moment does not.
    KeyHash,
    /// Of a report: the index of that key. It depends on arrival, so it comes last.
    Key,
    /// Of a report: how often the reporter reports, ms.
    Interval,
    /// Of a report with statistics: whether one of its candidate pairs is in use.
    HasPath,
    /// Of an event: what happened.
    Happening,
    /// Of media: [`super::found::Codec`].
    Codec,
    /// Of what the far end says: the packets sent so far.
    PacketsSent,
    /// Of a candidate pair in use: [`super::found::Path`].
    Path,
}

/// One value of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Member(Member),
    Extra(Extra),
}

/// How a value moves between two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Motion {
    /// Evenly.
    Even,
    /// A time that is added when it is over: it lies just before the later sample.
    Booked,
    /// How many of these times there were, which this member sums.
    BookedCount(Member),
    /// All at once, at the later sample.
    Step,
}

/// No sample has more values.
pub(super) const WIDTH: usize = 40;

const CLASSES: [Class; 14] = [
    Class::Report,
    Class::Event,
    Class::AudioIn,
    Class::VideoIn,
    Class::AudioOut,
    Class::VideoOut,
    Class::AudioOutRemote,
    Class::VideoOutRemote,
    Class::InRemote,
    Class::AudioSource,
    Class::VideoSource,
    Class::Playout,
    Class::Transport,
    Class::Pair,
];

const NONE: u8 = u8::MAX;
const EXTRAS: usize = Extra::Path as usize + 1;

/// What a class keeps, and what it is measured by; members by their place in a sample.
pub(super) struct Layout {
    /// The place of each member.
    places: [u8; Member::ALL.len()],
    extras: [u8; EXTRAS],
    motions: Vec<Motion>,
    pub(super) deltas: Vec<(usize, Measure)>,
    /// What grew, over what, and the sums of both.
    pub(super) ratios: Vec<(usize, usize, Measure, Measure)>,
    /// The member, the sum, the count and the largest.
    pub(super) gauges: Vec<(usize, [Measure; 3])>,
    /// Counters that never fall while the object is the same.
    pub(super) resets: Vec<usize>,
    /// The places that the next window needs, a bit for each.
    pub(super) carried: u64,
}

static LAYOUTS: LazyLock<Vec<Layout>> = LazyLock::new(|| CLASSES.map(Layout::new).into());
static EMPTY: LazyLock<Layout> = LazyLock::new(Layout::empty);

impl Class {
    /// What it keeps.
    pub(super) fn layout(self) -> &'static Layout {
        LAYOUTS.get(self as usize).unwrap_or(&EMPTY)
    }

    /// The class with this number.
    pub(super) fn numbered(number: u8) -> Option<Self> {
        CLASSES.get(usize::from(number)).copied()
    }

    /// The class of an object; `None` = nothing is computed from it.
    pub(super) fn of(object: &Object<'_>) -> Option<Self> {
        let by_kind = |audio, video| {
            Some(match object.media_kind()? {
                MediaKind::Audio => audio,
                MediaKind::Video => video,
            })
        };
        match object.object_type {
            ObjectType::InboundRtp => by_kind(Self::AudioIn, Self::VideoIn),
            ObjectType::OutboundRtp => by_kind(Self::AudioOut, Self::VideoOut),
            ObjectType::RemoteInboundRtp => by_kind(Self::AudioOutRemote, Self::VideoOutRemote),
            ObjectType::RemoteOutboundRtp => Some(Self::InRemote),
            ObjectType::MediaSource => by_kind(Self::AudioSource, Self::VideoSource),
            ObjectType::MediaPlayout => Some(Self::Playout),
            ObjectType::Transport => Some(Self::Transport),
            ObjectType::CandidatePair => Some(Self::Pair),
            _ => None,
        }
    }

    /// Counters that never fall while the object is the same.
    const fn resets(self) -> &'static [Member] {
        match self {
            Self::AudioIn => &[Member::PacketsReceived, Member::BytesReceived, Member::TotalSamplesReceived],
            Self::VideoIn => &[Member::PacketsReceived, Member::BytesReceived, Member::FramesDecoded],
            Self::AudioOut => &[Member::PacketsSent, Member::BytesSent],
            Self::VideoOut => &[Member::PacketsSent, Member::BytesSent, Member::FramesEncoded],
            Self::AudioOutRemote | Self::VideoOutRemote => {
                &[Member::PacketsReceived, Member::RoundTripTimeMeasurements]
            }
            Self::InRemote => &[Member::RoundTripTimeMeasurements],
            Self::AudioSource => &[Member::TotalSamplesDuration],
            Self::VideoSource => &[Member::Frames],
            Self::Playout => &[Member::TotalSamplesCount],
            Self::Transport => &[Member::BytesSent, Member::BytesReceived],
            Self::Pair => &[Member::ResponsesReceived],
            Self::Report | Self::Event => &[],
        }
    }

    /// Further members that code looks at: those that are carried, and those that are not.
    const fn further(self) -> (&'static [Member], &'static [Member]) {
        match self {
            Self::AudioIn | Self::AudioOut => (&[Member::Ssrc], &[]),
            Self::VideoIn | Self::VideoOut => (&[Member::Ssrc, Member::QpSum], &[Member::FrameWidth]),
            Self::AudioOutRemote | Self::VideoOutRemote => (
                &[Member::PacketsLost, Member::TotalRoundTripTime],
                &[Member::Jitter, Member::FractionLost, Member::RoundTripTime],
            ),
            Self::InRemote => (&[Member::TotalRoundTripTime], &[Member::RoundTripTime]),
            Self::Pair => (
                &[Member::TotalRoundTripTime],
                &[Member::CurrentRoundTripTime, Member::AvailableOutgoingBitrate, Member::AvailableIncomingBitrate],
            ),
            _ => (&[], &[]),
        }
    }

    const fn extras(self) -> (&'static [Extra], &'static [Extra]) {
        match self {
            Self::Report => (&[], &[Extra::Interval, Extra::HasPath, Extra::KeyHash, Extra::Key]),
            Self::Event => (&[], &[Extra::Happening]),
            Self::AudioIn | Self::VideoIn | Self::AudioOut | Self::VideoOut => (&[Extra::Codec], &[]),
            Self::AudioOutRemote | Self::VideoOutRemote => (&[Extra::PacketsSent], &[]),
            Self::Pair => (&[], &[Extra::Path]),
            _ => (&[], &[]),
        }
    }
}

const fn motion(slot: Slot) -> Motion {
    match slot {
        Slot::Member(Member::TotalFreezesDuration | Member::TotalPausesDuration) => Motion::Booked,
        Slot::Member(Member::FreezeCount) => Motion::BookedCount(Member::TotalFreezesDuration),
        Slot::Member(Member::PauseCount) => Motion::BookedCount(Member::TotalPausesDuration),
        // These come with a message now and then: there is nothing between.
        Slot::Member(
            Member::TotalRoundTripTime
            | Member::RoundTripTimeMeasurements
            | Member::ResponsesReceived
            | Member::Ssrc
            | Member::SelectedCandidatePairChanges,
        )
        | Slot::Extra(
            Extra::KeyHash
            | Extra::Key
            | Extra::Interval
            | Extra::HasPath
            | Extra::Happening
            | Extra::Codec
            | Extra::Path,
        ) => Motion::Step,
        Slot::Member(_) | Slot::Extra(Extra::PacketsSent) => Motion::Even,
    }
}

impl Layout {
    fn empty() -> Self {
        Self {
            places: [NONE; Member::ALL.len()],
            extras: [NONE; EXTRAS],
            motions: Vec::new(),
            deltas: Vec::new(),
            ratios: Vec::new(),
            gauges: Vec::new(),
            resets: Vec::new(),
            carried: 0,
        }
    }

    fn new(class: Class) -> Self {
        let mut layout = Self::empty();
        let measured = declared(class);
        let delta = |layout: &mut Self, member| layout.enter(Slot::Member(member), true);
        for one in measured.deltas {
            let place = delta(&mut layout, one.member);
            layout.deltas.push((place, one.sum));
        }
        for one in measured.ratios {
            let (member, over) = (delta(&mut layout, one.member), delta(&mut layout, one.over));
            layout.ratios.push((member, over, one.sum, one.count));
        }
        for member in class.resets() {
            let place = delta(&mut layout, *member);
            layout.resets.push(place);
        }
        let (carried, others) = class.further();
        for member in carried {
            layout.enter(Slot::Member(*member), true);
        }
        for member in others {
            layout.enter(Slot::Member(*member), false);
        }
        for one in measured.gauges {
            let place = layout.enter(Slot::Member(one.member), false);
            layout.gauges.push((place, [one.sum, one.count, one.max]));
        }
        let (carried, others) = class.extras();
        for extra in carried {
            layout.enter(Slot::Extra(*extra), true);
        }
        for extra in others {
            layout.enter(Slot::Extra(*extra), false);
        }
        layout
    }

    /// Gives a value its place, the one that it has already if it has one.
    fn enter(&mut self, slot: Slot, is_carried: bool) -> usize {
        let known = match slot {
            Slot::Member(member) => self.places.get_mut(member as usize),
            Slot::Extra(extra) => self.extras.get_mut(extra as usize),
        };
        let Some(known) = known else { return WIDTH };
        if *known == NONE {
            *known = self.motions.len() as u8;
            self.motions.push(motion(slot));
        }
        let place = usize::from(*known);
        if is_carried {
            self.carried |= 1 << place;
        }
        place
    }

    /// The place of a member in a sample; beyond all of them if the class does not keep it.
    #[inline]
    pub(super) fn member(&self, member: Member) -> usize {
        self.places.get(member as usize).map_or(WIDTH, |place| usize::from(*place))
    }

    /// The place of what is known from other objects.
    pub(super) fn extra(&self, extra: Extra) -> usize {
        self.extras.get(extra as usize).map_or(WIDTH, |place| usize::from(*place))
    }

    /// How the value at a place moves.
    pub(super) fn motion(&self, place: usize) -> Motion {
        self.motions.get(place).copied().unwrap_or(Motion::Step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_number_and_fits() {
        for (class, number) in CLASSES.into_iter().zip(0..) {
            assert_eq!((class as u8, Class::numbered(number)), (number, Some(class)));
            assert!(class.layout().motions.len() <= WIDTH, "{class:?} has {}", class.layout().motions.len());
        }
    }
}
