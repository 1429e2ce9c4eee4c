//! The closed vocabularies: tokens of `sf`, `st`, `sta` and `e` (those of `ot` are with the model).

use crate::model::cmcd::{EventKind, ObjectType, PlayerState, StreamType, StreamingFormat};

/// `ot`, and the label of list items.
pub(super) fn object_type(token: &str) -> Option<ObjectType> {
    ObjectType::from_token(token.as_bytes())
}

/// `sf`.
pub(super) fn streaming_format(token: &str) -> Option<StreamingFormat> {
    Some(match token {
        "d" => StreamingFormat::Dash,
        "h" => StreamingFormat::Hls,
        "e" => StreamingFormat::Hesp,
        "s" => StreamingFormat::Smooth,
        "o" => StreamingFormat::Other,
        _ => return None,
    })
}

/// `st`.
pub(super) fn stream_type(token: &str) -> Option<StreamType> {
    Some(match token {
        "v" => StreamType::Vod,
        "l" => StreamType::Live,
        "ll" => StreamType::LowLatencyLive,
        _ => return None,
    })
}

/// `sta`.
pub(super) fn player_state(token: &str) -> Option<PlayerState> {
    Some(match token {
        "s" => PlayerState::Starting,
        "p" => PlayerState::Playing,
        "k" => PlayerState::Seeking,
        "r" => PlayerState::Rebuffering,
        "a" => PlayerState::Paused,
        "e" => PlayerState::Ended,
        "f" => PlayerState::FatalError,
        "q" => PlayerState::Quit,
        "d" => PlayerState::Preloading,
        "w" => PlayerState::Waiting,
        _ => return None,
    })
}

/// `e`, in the words of the final text; the draft's `br` is [`DRAFT_BITRATE_CHANGE`].
pub(super) fn event_kind(token: &str) -> Option<EventKind> {
    Some(match token {
        "ps" => EventKind::PlayState,
        "t" => EventKind::TimeInterval,
        "e" => EventKind::Error,
        "rr" => EventKind::ResponseReceived,
        "bc" => EventKind::BitrateChange,
        "c" => EventKind::ContentId,
        "h" => EventKind::Host,
        "pr" => EventKind::PlaybackRate,
        "b" => EventKind::Background,
        "m" => EventKind::Mute,
        "um" => EventKind::Unmute,
        "pe" => EventKind::PlayerExpand,
        "pc" => EventKind::PlayerCollapse,
        "as" => EventKind::AdStart,
        "ae" => EventKind::AdEnd,
        "abs" => EventKind::AdBreakStart,
        "abe" => EventKind::AdBreakEnd,
        "sk" => EventKind::Skip,
        "ce" => EventKind::Custom,
        _ => return None,
    })
}

/// What a draft of version 2 called `bc`; players sent it until 2026.
pub(super) const DRAFT_BITRATE_CHANGE: &str = "br";
