//! ObserveRTC's `ClientSample`, schema 3: peer connections with a list for each type, and what happened to the client.

use std::borrow::Cow;

use crate::decode::common::{Cursor, Raw, Token, unescaped};
use crate::model::Reason;
use crate::model::webrtc::{Content, ObjectType, Report};

use super::moment::Moment;
use super::object::Sort;
use super::report::micros;
use super::stats::{Reading, Stats, clock_of};
use super::text::kept;

/// One peer connection of a sample.
#[derive(Debug)]
pub(super) struct Connection<'a> {
    pub(super) id: Option<Raw<'a>>,
    pub(super) stats: Stats<'a>,
    pub(super) rejected: u32,
    pub(super) clocks: (bool, bool),
}

/// Something that happened to the client or a connection of it.
#[derive(Debug)]
pub(super) struct Happening<'a> {
    name: &'static str,
    value: Cow<'a, str>,
    connection: Cow<'a, str>,
    time: Option<Moment>,
}

/// The peer connections in the list here.
pub(super) fn connections<'a>(reading: &mut Reading<'_, 'a>) -> Result<Vec<Connection<'a>>, Reason> {
    let mut connections = Vec::new();
    each_object(reading, |reading| {
        connections.push(connection(reading)?);
        Ok(())
    })?;
    Ok(connections)
}

/// Calls `read` in each object of the list here; what is no list, or no object in it, is stepped over.
fn each_object<'a, 'd>(
    reading: &mut Reading<'d, 'a>,
    mut read: impl FnMut(&mut Reading<'d, 'a>) -> Result<(), Reason>,
) -> Result<(), Reason> {
    if reading.cursor.next_byte() != Some(b'[') {
        return reading.cursor.skip();
    }
    reading.cursor.open()?;
    let mut first = true;
    while reading.cursor.item(first)? {
        first = false;
        reading.count_object()?;
        if reading.cursor.open_object()? {
            read(reading)?;
        } else {
            reading.cursor.skip()?;
        }
    }
    Ok(())
}

fn connection<'a>(reading: &mut Reading<'_, 'a>) -> Result<Connection<'a>, Reason> {
    let before = std::mem::take(&mut reading.scratch.rejected);
    let mut id = None;
    let mut stats = reading.no_stats();
    let mut first = true;
    while let Some(name) = reading.cursor.name(first)? {
        first = false;
        let sort = match &*unescaped(name) {
            "peerConnectionId" => {
                id = reading.text()?;
                continue;
            }
            "inboundRtps" => Sort::Of(ObjectType::InboundRtp),
            "outboundRtps" => Sort::Of(ObjectType::OutboundRtp),
            "remoteInboundRtps" => Sort::Of(ObjectType::RemoteInboundRtp),
            "remoteOutboundRtps" => Sort::Of(ObjectType::RemoteOutboundRtp),
            "mediaSources" => Sort::Of(ObjectType::MediaSource),
            "mediaPlayouts" => Sort::Of(ObjectType::MediaPlayout),
            "peerConnectionTransports" => Sort::Of(ObjectType::PeerConnection),
            "dataChannels" => Sort::Of(ObjectType::DataChannel),
            "iceTransports" => Sort::Of(ObjectType::Transport),
            "iceCandidatePairs" => Sort::Of(ObjectType::CandidatePair),
            "iceCandidates" => Sort::Candidate,
            "codecs" => Sort::Of(ObjectType::Codec),
            _ => {
                reading.cursor.skip()?;
                continue;
            }
        };
        reading.list(sort, &mut stats)?;
    }
    let rejected = std::mem::replace(&mut reading.scratch.rejected, before);
    Ok(Connection { id, stats, rejected, clocks: reading.scratch.clocks })
}

/// The events in the list here that tell of joining, leaving, or the state of a connection.
pub(super) fn happenings<'a>(reading: &mut Reading<'_, 'a>) -> Result<Vec<Happening<'a>>, Reason> {
    let mut happenings = Vec::new();
    each_object(reading, |reading| {
        happenings.extend(happening(reading)?);
        Ok(())
    })?;
    Ok(happenings)
}

fn happening<'a>(reading: &mut Reading<'_, 'a>) -> Result<Option<Happening<'a>>, Reason> {
    let (mut event_type, mut payload, mut time, mut connection) = (None, Payload::default(), None, None);
    let mut first = true;
    while let Some(name) = reading.cursor.name(first)? {
        first = false;
        match &*unescaped(name) {
            "type" => event_type = reading.text()?,
            "timestamp" => time = reading.moment()?,
            "peerConnectionId" => connection = reading.text()?,
            "payload" => payload = Payload::read(reading)?,
            _ => reading.cursor.skip()?,
        }
    }
    let event_type = event_type.map_or(Cow::Borrowed(""), unescaped);
    let (name, value) = match &*event_type {
        "CLIENT_JOINED" => ("join", Cow::Borrowed("")),
        "CLIENT_LEFT" => ("leave", Cow::Borrowed("")),
        "PEER_CONNECTION_OPENED" => ("connectionstatechange", Cow::Borrowed("new")),
        "PEER_CONNECTION_CLOSED" => ("connectionstatechange", Cow::Borrowed("closed")),
        "PEER_CONNECTION_STATE_CHANGED" => ("connectionstatechange", payload.connection_state),
        "ICE_CONNECTION_STATE_CHANGED" => ("iceconnectionstatechange", payload.ice_connection_state),
        "ICE_GATHERING_STATE_CHANGED" => ("icegatheringstatechange", payload.ice_gathering_state),
        "SIGNALING_STATE_CHANGE" => ("signalingstatechange", payload.signaling_state),
        _ => return Ok(None),
    };
    let connection = connection.map_or(payload.connection, |connection| kept(connection, &mut reading.tally));
    Ok(Some(Happening { name, value, connection, time }))
}

impl<'a> Happening<'a> {
    /// As a report of its own.
    pub(super) fn into_report(self, blank: &Report<'a>) -> Report<'a> {
        let clock = if self.time.is_some() { clock_of(self.time) } else { blank.clock };
        Report {
            connection: self.connection,
            clock,
            time_us: micros(self.time, clock).or(blank.time_us),
            content: Content::Event { name: Cow::Borrowed(self.name), value: self.value },
            ..blank.clone()
        }
    }
}

/// What belongs to an event: an object, or a string with JSON in it.
#[derive(Debug, Default)]
struct Payload<'a> {
    connection: Cow<'a, str>,
    connection_state: Cow<'a, str>,
    ice_connection_state: Cow<'a, str>,
    ice_gathering_state: Cow<'a, str>,
    signaling_state: Cow<'a, str>,
}

impl<'a> Payload<'a> {
    fn read(reading: &mut Reading<'_, 'a>) -> Result<Self, Reason> {
        let mut payload = Self::default();
        if reading.cursor.open_object()? {
            let mut members = Vec::new();
            read_texts(&mut reading.cursor, &mut |name, text| members.push((name, text)))?;
            for (name, text) in members {
                payload.set(&unescaped(name), kept(text, &mut reading.tally));
            }
            return Ok(payload);
        }
        let Token::Text(raw) = reading.cursor.token()? else { return Ok(payload) };
        let text = unescaped(raw);
        let mut cursor = reading.cursor.inside(&text);
        let mut members = Vec::new();
        // A text that is no JSON says nothing, and costs the event only what it might have said.
        if cursor.open_object() == Ok(true)
            && read_texts(&mut cursor, &mut |name, text| members.push((name, text))) == Ok(())
        {
            for (name, text) in members {
                payload.set(&unescaped(name), Cow::Owned(kept(text, &mut reading.tally).into_owned()));
            }
        }
        Ok(payload)
    }

    fn set(&mut self, name: &str, text: Cow<'a, str>) {
        match name {
            "peerConnectionId" => self.connection = text,
            "connectionState" => self.connection_state = text,
            "iceConnectionState" => self.ice_connection_state = text,
            "iceGatheringState" => self.ice_gathering_state = text,
            "signalingState" => self.signaling_state = text,
            _ => {}
        }
    }
}

/// The members with a text of the object that was just entered.
fn read_texts<'a>(cursor: &mut Cursor<'a>, each: &mut dyn FnMut(Raw<'a>, Raw<'a>)) -> Result<(), Reason> {
    let mut first = true;
    while let Some(name) = cursor.name(first)? {
        first = false;
        if let Token::Text(text) = cursor.token()? {
            each(name, text);
        }
    }
    Ok(())
}
