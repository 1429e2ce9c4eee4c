//! A request's parameters as a beacon.

use std::borrow::Cow;

use crate::decode::common::{Places, beginning};
use crate::model::kaltura::{Beacon, ErrorPhase, Event, Playback, Warning};
use crate::model::{Headers, Reason};

use super::event::{self, Service};
use super::limits::{ENTRY_BYTES, USER_AGENT_BYTES};
use super::members::Members;
use super::names::Name;
use super::reading::{DURATION, OFFSET, Reading};
use super::tally::Tally;

/// Partners have 1 to 10 digits.
const MOST_PARTNER: i64 = 9_999_999_999;
/// Thousandths of speed: nobody plays faster than a hundredfold.
const MOST_SPEED: i64 = 100_000;

/// Makes a beacon of what was gathered; `beacon` says nothing yet.
///
/// # Errors
/// It lacks what no beacon can do without.
pub(super) fn fill<'a>(
    beacon: &mut Beacon<'a>,
    members: &Members<'a>,
    headers: &Headers<'a>,
    tally: &mut Tally,
) -> Result<(), Reason> {
    let mut reading = Reading::new(members, tally);
    let service = service(&mut reading)?;
    let number = event::number(&reading.sent(Name::EventType).ok_or(Reason::EventType)?)?;
    beacon.event = service.event(number);
    if beacon.event == Event::Unknown {
        reading.unknown_event(number);
    }
    let partner = reading.number(Name::PartnerId, Places::None, 1..=MOST_PARTNER).ok_or(Reason::MissingPartner)?;
    beacon.partner = partner.unsigned_abs();
    beacon.entry = reading.text_within(Name::EntryId, ENTRY_BYTES).ok_or(Reason::MissingEntry)?;
    beacon.playback = playback(&mut reading);
    set_sequence(beacon, &mut reading);
    set_measures(beacon, &mut reading);
    set_states(beacon, &mut reading);
    set_texts(beacon, &mut reading);
    beacon.page = reading.page();
    let user_agent = headers.user_agent.map(|agent| beginning(agent.trim_ascii(), USER_AGENT_BYTES));
    beacon.user_agent = user_agent.filter(|agent| !agent.is_empty()).map(Cow::Borrowed);
    beacon.address = headers.address.and_then(|address| address.trim_ascii().parse().ok());
    beacon.members_rejected = reading.rejected;
    Ok(())
}

/// A beacon that names no service is one of players.
fn service(reading: &mut Reading<'_, '_>) -> Result<Service, Reason> {
    let Some(name) = reading.sent(Name::Service) else { return Ok(Service::Analytics) };
    let service = Service::named(&name).ok_or(Reason::Service)?;
    if service == Service::Stats {
        reading.warn(Warning::OlderService);
    }
    Ok(service)
}

fn playback(reading: &mut Reading<'_, '_>) -> Playback {
    let Some(name) = reading.sent(Name::PlaybackType) else { return Playback::Unknown };
    let known = [Playback::Vod, Playback::Live, Playback::Dvr, Playback::Offline];
    known.into_iter().find(|playback| name.eq_ignore_ascii_case(playback.as_str())).unwrap_or_default()
}

fn set_sequence(beacon: &mut Beacon<'_>, reading: &mut Reading<'_, '_>) {
    let index = reading.number(Name::EventIndex, Places::None, 1..=i64::from(u32::MAX));
    beacon.index = index.and_then(|index| u32::try_from(index).ok());
    // Behind the live edge or in the media: the sign that the way of playing rules out is a mistake of the client.
    let bounds = match beacon.playback {
        Playback::Live | Playback::Dvr => *OFFSET.start()..=0,
        Playback::Vod | Playback::Offline | Playback::Unknown => DURATION,
    };
    beacon.position_ms = reading.number(Name::Position, Places::Three, bounds.clone());
    beacon.target_position_ms = reading.number(Name::TargetPosition, Places::Three, bounds);
}

fn set_measures(beacon: &mut Beacon<'_>, reading: &mut Reading<'_, '_>) {
    let mut seconds = |name| reading.number(name, Places::Three, DURATION);
    beacon.buffer_ms = seconds(Name::BufferTime);
    beacon.buffer_sum_ms = seconds(Name::BufferTimeSum);
    beacon.join_ms = seconds(Name::JoinTime);
    // A sum of differences of positions: seeking back can make it negative.
    beacon.play_sum_ms = reading.number(Name::PlayTimeSum, Places::Three, OFFSET);
    beacon.speed_permille = reading.number(Name::PlaybackSpeed, Places::Three, 1..=MOST_SPEED);
    // Documented as seconds, and sent in milliseconds by the one client that sends it.
    beacon.player_load_ms = reading.number(Name::PlayerJsLoadTime, Places::None, DURATION);
    beacon.bitrate_bps = reading.bitrate(Name::ActualBitrate);
    beacon.average_bitrate_bps = reading.bitrate(Name::AverageBitrate);
    beacon.bandwidth_bps = reading.bitrate(Name::Bandwidth);
    beacon.manifest_download_ms = reading.download(Name::ManifestDownloadTime);
    beacon.segment_download_ms = reading.download(Name::SegmentDownloadTime);
    beacon.dropped_frames_ppm = reading.known_number(Name::DroppedFramesRatio, Places::Six, 0..=1_000_000);
    beacon.forward_buffer_ppm = reading.known_number(Name::ForwardBufferHealth, Places::Six, 0..=1_000_000_000);
}

fn set_states(beacon: &mut Beacon<'_>, reading: &mut Reading<'_, '_>) {
    beacon.sound_on = reading.state(Name::SoundMode);
    beacon.tab_focused = reading.state(Name::TabMode);
    beacon.in_view = reading.state(Name::ViewabilityMode);
    beacon.full_screen = reading.state(Name::ScreenMode);
    beacon.error_phase = match reading.number(Name::ErrorPosition, Places::None, 0..=3) {
        Some(1) => Some(ErrorPhase::BeforeFirstFrame),
        Some(2) => Some(ErrorPhase::MidStream),
        Some(3) => Some(ErrorPhase::BeforePlayRequest),
        _ => None,
    };
}

fn set_texts<'a>(beacon: &mut Beacon<'a>, reading: &mut Reading<'_, 'a>) {
    beacon.session = reading.text(Name::SessionId);
    beacon.error_code = reading.text_within(Name::ErrorCode, ENTRY_BYTES);
    beacon.flavor = reading.text(Name::FlavorParamsId).filter(|flavor| flavor != "NaN");
    beacon.custom = [Name::CustomVar1, Name::CustomVar2, Name::CustomVar3].map(|name| reading.text(name));
    beacon.application = reading.text(Name::Application);
    beacon.playback_context = reading.text(Name::PlaybackContext);
    beacon.player_version = reading.text(Name::ClientVer);
    beacon.user = reading.text(Name::UserId);
    beacon.persistent_session = reading.text(Name::PersistentSessionId);
}
