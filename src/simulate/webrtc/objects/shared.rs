//! What both peer connections have: certificates, codecs, candidates, the transport.

use super::{Id, Stats, fingerprint, letters};
use crate::simulate::random::finish;
use crate::simulate::webrtc::connection::Connection;
use crate::simulate::webrtc::facts::{Client, Identity, Interface};

/// What the objects of a report have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) identity: &'a Identity,
    pub(super) connection: &'a Connection,
    pub(super) at_us: i64,
    /// The prefix of codecs: that of the direction.
    pub(super) audio_codec: &'static str,
    pub(super) video_codec: &'static str,
}

impl Frame<'_> {
    /// A random number of this connection's path.
    fn number(&self, of: u64) -> u64 {
        finish(self.connection.roots.path ^ of)
    }

    fn has_certificates(&self) -> bool {
        self.identity.client == Client::Browser
    }

    fn local_candidate(&self) -> u64 {
        self.number(1)
    }

    fn remote_candidate(&self) -> u64 {
        self.number(2)
    }

    fn local_certificate(&self) -> Id {
        Id::Certificate(self.number(3))
    }

    fn remote_certificate(&self) -> Id {
        Id::Certificate(self.number(4))
    }

    fn pair(&self) -> Id {
        Id::Pair(self.local_candidate(), self.remote_candidate())
    }

    /// Certificates and codecs; `has_video` = a codec of video is in use.
    pub(super) fn begin(&self, stats: &mut Stats<'_>, has_video: bool) {
        if self.has_certificates() {
            self.certificate(stats, 3);
            self.certificate(stats, 4);
        }
        let mut codec = stats.object("codec", Id::Fixed(self.audio_codec), self.at_us);
        codec.count("channels", 2).count("clockRate", 48_000).text("mimeType", "audio/opus").count("payloadType", 111);
        codec.text("sdpFmtpLine", "minptime=10;useinbandfec=1").text("transportId", "T01").end();
        if has_video {
            let mut codec = stats.object("codec", Id::Fixed(self.video_codec), self.at_us);
            codec.count("clockRate", 90_000).text("mimeType", "video/VP8").count("payloadType", 96);
            codec.text("transportId", "T01").end();
        }
        self.candidate_pair(stats);
    }

    /// Candidates, the peer connection and the transport.
    pub(super) fn end(&self, stats: &mut Stats<'_>) {
        self.local(stats, self.local_candidate(), true);
        // Gathered and not used: what the host's other interface gave.
        self.local(stats, self.number(5), false);
        self.remote(stats);
        let mut peer_connection = stats.object("peer-connection", Id::Fixed("P"), self.at_us);
        peer_connection.count("dataChannelsClosed", 0).count("dataChannelsOpened", 0).end();
        self.transport(stats);
    }

    fn certificate(&self, stats: &mut Stats<'_>, of: u64) {
        /// Up to what differs: a self-signed certificate of an elliptic curve, for `WebRTC`.
        const BEGINNING: &[u8] = b"MIIBFjCBvaADAgECAgk";
        const LETTERS: usize = 356;

        let number = self.number(of);
        let mut certificate = stats.object("certificate", Id::Certificate(number), self.at_us);
        let out = certificate.name("base64Certificate");
        out.push(b'"');
        out.extend_from_slice(BEGINNING);
        letters(out, number, LETTERS);
        out.push(b'"');
        let out = certificate.name("fingerprint");
        out.push(b'"');
        fingerprint(out, number);
        out.push(b'"');
        certificate.text("fingerprintAlgorithm", "sha-256").end();
    }

    fn candidate_pair(&self, stats: &mut Stats<'_>) {
        let Connection { checks, .. } = *self.connection;
        let mut pair = stats.object("candidate-pair", self.pair(), self.at_us);
        pair.count("availableOutgoingBitrate", self.connection.available_bps).count("bytesDiscardedOnSend", 0);
        pair.count("bytesReceived", self.connection.received_bytes).count("bytesSent", self.connection.sent_bytes);
        pair.count("consentRequestsSent", checks.saturating_sub(1));
        pair.decimal("currentRoundTripTime", self.connection.rtt_ms, 3);
        pair.time("lastPacketReceivedTimestamp", whole_ms(self.at_us - 6_000));
        pair.time("lastPacketSentTimestamp", whole_ms(self.at_us - 9_000));
        pair.id("localCandidateId", Id::Candidate(self.local_candidate())).flag("nominated", true);
        pair.count("packetsDiscardedOnSend", 0).count("packetsReceived", self.connection.received_packets);
        pair.count("packetsSent", self.connection.sent_packets).count("priority", 9_115_060_245_863_753_000);
        pair.id("remoteCandidateId", Id::Candidate(self.remote_candidate()));
        pair.count("requestsReceived", checks).count("requestsSent", checks).count("responsesReceived", checks);
        pair.count("responsesSent", checks).text("state", "succeeded");
        pair.decimal("totalRoundTripTime", self.connection.rtt_sum_ms, 3).text("transportId", "T01");
        pair.flag("writable", true).end();
    }

    fn local(&self, stats: &mut Stats<'_>, number: u64, is_used: bool) {
        let interface = if is_used { self.identity.interface } else { Interface::Direct };
        let mut candidate = stats.object("local-candidate", Id::Candidate(number), self.at_us);
        // Of the blocks that are set aside for documentation.
        candidate.text("address", "198.51.100.23");
        let kind = match interface {
            Interface::Direct => "host",
            Interface::Translated => "srflx",
            Interface::Relayed => "relay",
        };
        candidate.text("candidateType", kind).quoted("foundation", number >> 32);
        candidate.text("ip", "198.51.100.23").flag("isRemote", false).text("networkType", "wifi");
        candidate.count("port", 49_152 + number % 16_000).count("priority", 2_122_265_343).text("protocol", "udp");
        if interface == Interface::Relayed {
            candidate.text("relayProtocol", "udp").text("url", "turn:turn.example.net:3478?transport=udp");
        } else if interface == Interface::Translated {
            candidate.text("relatedAddress", "192.0.2.17").count("relatedPort", 49_152 + number % 9_000);
            candidate.text("url", "stun:stun.example.net:3478");
        }
        candidate.text("transportId", "T01").letters("usernameFragment", self.number(6), 4).end();
    }

    fn remote(&self, stats: &mut Stats<'_>) {
        let mut candidate = stats.object("remote-candidate", Id::Candidate(self.remote_candidate()), self.at_us);
        candidate.text("address", "203.0.113.8").text("candidateType", "host").text("foundation", "1");
        candidate.text("ip", "203.0.113.8").flag("isRemote", true).count("port", 10_000);
        candidate.count("priority", 2_130_706_431).text("protocol", "udp").text("transportId", "T01");
        candidate.letters("usernameFragment", self.number(7), 4).end();
    }

    fn transport(&self, stats: &mut Stats<'_>) {
        let mut transport = stats.object("transport", Id::Fixed("T01"), self.at_us);
        transport.count("bytesReceived", self.connection.received_bytes);
        transport.count("bytesSent", self.connection.sent_bytes).text("dtlsCipher", "TLS_AES_128_GCM_SHA256");
        transport.text("dtlsRole", "client").text("dtlsState", "connected");
        transport.letters("iceLocalUsernameFragment", self.number(6), 4).text("iceRole", "controlled");
        transport.text("iceState", "connected");
        if self.has_certificates() {
            transport.id("localCertificateId", self.local_certificate());
        }
        transport.count("packetsReceived", self.connection.received_packets);
        transport.count("packetsSent", self.connection.sent_packets);
        if self.has_certificates() {
            transport.id("remoteCertificateId", self.remote_certificate());
        }
        transport.count("selectedCandidatePairChanges", 1).id("selectedCandidatePairId", self.pair());
        transport.text("srtpCipher", "AES_CM_128_HMAC_SHA1_80").text("tlsVersion", "FEFC").end();
    }
}

/// Down to a whole millisecond, as the engine has these.
fn whole_ms(at_us: i64) -> i64 {
    at_us.div_euclid(1000) * 1000
}
