//! What a report leaves open and its content tells: types, kinds of media, sides of candidates, and the tracks of earlier drafts.
//! All of it is rare, and runs when an object asks for it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::model::webrtc::{MediaKind, Member, Object, ObjectType, Text, Warning};

use super::object::{Scratch, Sort};
use super::tally::Tally;

/// The type of an object that does not name it; `None` = its members do not tell.
pub(super) fn sort(members: &Scratch<'_>, is_remote: bool) -> Option<Sort> {
    let number = |member| members.has_number(member);
    let text = |text| members.has_text(text);
    let is_stream = number(Member::Ssrc);
    let of_far_end = text(Text::LocalId);
    let sends = number(Member::PacketsSent) || number(Member::BytesSent);
    let receives = number(Member::PacketsReceived) || number(Member::PacketsLost);
    let object_type = if text(Text::SelectedCandidatePairId) {
        ObjectType::Transport
    } else if text(Text::CandidateType) {
        return Some(if is_remote { Sort::Of(ObjectType::RemoteCandidate) } else { Sort::Candidate });
    } else if number(Member::CurrentRoundTripTime) || (text(Text::LocalCandidateId) && text(Text::RemoteCandidateId)) {
        ObjectType::CandidatePair
    } else if number(Member::FramesEncoded) {
        ObjectType::OutboundRtp
    } else if number(Member::FramesDecoded) || number(Member::ConcealedSamples) {
        ObjectType::InboundRtp
    } else if number(Member::FractionLost) || (is_stream && of_far_end && receives) {
        ObjectType::RemoteInboundRtp
    } else if number(Member::ReportsSent) || (is_stream && of_far_end && sends) {
        ObjectType::RemoteOutboundRtp
    } else if is_stream && sends {
        ObjectType::OutboundRtp
    } else if is_stream && receives {
        ObjectType::InboundRtp
    } else if text(Text::MimeType) {
        ObjectType::Codec
    } else {
        return None;
    };
    Some(Sort::Of(object_type))
}

/// The direction of a stream of the old interface, which its id tells: `ssrc_1234_send`.
pub(super) fn direction(id: &str) -> ObjectType {
    if id.ends_with("_send") { ObjectType::OutboundRtp } else { ObjectType::InboundRtp }
}

/// Gives each candidate whose side is open the one by which a pair names it.
pub(super) fn sides(objects: &mut [Object<'_>], open: &[usize]) {
    let remote: HashSet<String> =
        objects.iter().filter_map(|object| object.text(Text::RemoteCandidateId)).map(str::to_owned).collect();
    for &at in open {
        if let Some(candidate) = objects.get_mut(at).filter(|candidate| remote.contains(&*candidate.id)) {
            candidate.object_type = ObjectType::RemoteCandidate;
        }
    }
}

/// Gives streams the kind that they do not name: by their members, else by their codec.
pub(super) fn kinds(objects: &mut [Object<'_>], tally: &mut Tally) {
    let codecs: HashMap<String, MediaKind> = objects.iter().filter_map(codec_kind).collect();
    for object in objects.iter_mut().filter(|object| is_stream(object) && object.text(Text::Kind).is_none()) {
        let by_codec = || codecs.get(object.text(Text::CodecId)?).copied();
        let Some(kind) = kind_by_members(object).or_else(by_codec) else { continue };
        let word = match kind {
            MediaKind::Audio => "audio",
            MediaKind::Video => "video",
        };
        tally.warn(Warning::KindInferred);
        // `kind` is the first of the texts.
        object.texts.insert(0, (Text::Kind, Cow::Borrowed(word)));
    }
}

/// Whether an object is of one stream of media, which has a kind.
pub(super) fn is_stream(object: &Object<'_>) -> bool {
    matches!(
        object.object_type,
        ObjectType::InboundRtp
            | ObjectType::OutboundRtp
            | ObjectType::RemoteInboundRtp
            | ObjectType::RemoteOutboundRtp
            | ObjectType::MediaSource
    )
}

fn kind_by_members(object: &Object<'_>) -> Option<MediaKind> {
    let of_video =
        [Member::FramesDecoded, Member::FramesEncoded, Member::FramesReceived, Member::FrameWidth, Member::Width];
    let of_audio =
        [Member::TotalSamplesReceived, Member::ConcealedSamples, Member::AudioLevel, Member::TotalAudioEnergy];
    if of_video.iter().any(|member| object.number(*member).is_some()) {
        return Some(MediaKind::Video);
    }
    if of_audio.iter().any(|member| object.number(*member).is_some()) { Some(MediaKind::Audio) } else { None }
}

/// Of a codec, its id and the kind of media that it is for.
fn codec_kind(object: &Object<'_>) -> Option<(String, MediaKind)> {
    if object.object_type != ObjectType::Codec {
        return None;
    }
    let (kind, _) = object.text(Text::MimeType)?.split_once('/')?;
    let kind = match kind.to_ascii_lowercase().as_str() {
        "audio" => MediaKind::Audio,
        "video" => MediaKind::Video,
        _ => return None,
    };
    Some((object.id.clone().into_owned(), kind))
}

/// Gives inbound streams what earlier drafts told of their tracks; `named` are the streams that name one, with its id.
pub(super) fn tracks<'a>(objects: &mut [Object<'a>], tracks: &[Object<'a>], named: &[(usize, Cow<'a, str>)]) {
    let by_id: HashMap<&str, &Object<'a>> = tracks.iter().map(|track| (&*track.id, track)).collect();
    for (at, id) in named {
        if let (Some(stream), Some(track)) = (objects.get_mut(*at), by_id.get(&**id)) {
            fold_track(track, stream);
        }
    }
}

/// What the stream says itself counts more.
fn fold_track<'a>(track: &Object<'a>, stream: &mut Object<'a>) {
    for (member, value) in &track.numbers {
        if let Err(place) = stream.numbers.binary_search_by_key(member, |(known, _)| *known) {
            stream.numbers.insert(place, (*member, *value));
        }
    }
    for (text, value) in &track.texts {
        if let Err(place) = stream.texts.binary_search_by_key(text, |(known, _)| *known) {
            stream.texts.insert(place, (*text, value.clone()));
        }
    }
}
