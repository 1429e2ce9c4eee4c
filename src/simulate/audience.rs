//! Who watches: the mix of players, carriers, programmes, networks and clocks.

use super::facts::{Identity, Player, Transport};
use super::random::Random;
use super::scenario::{Carrier, Scenario};
use super::world::{PROGRAMMES_COUNT, World, programme_at};

/// What a viewer's actions depend on beside the viewer.
pub(super) struct Surroundings<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) world: &'a World,
    /// No action begins at or after this.
    pub(super) end_ms: i64,
}

const VERSION_1: [(Player, u32); 6] = [
    (Player::HlsJs, 30),
    (Player::DashJs, 15),
    (Player::Shaka, 10),
    (Player::Media3, 25),
    (Player::Apple, 12),
    (Player::Bitmovin, 8),
];

/// Version 2 is opt-in, and only the players on the Common Media Library have it.
const VERSION_2: [(Player, u32); 3] = [(Player::HlsJs, 45), (Player::DashJs, 30), (Player::Shaka, 25)];

const MINUTE_MS: i64 = 60_000;
const YEAR_MS: i64 = 365 * 24 * 60 * MINUTE_MS;

/// The identity before the first session.
pub(super) const fn nobody() -> Identity {
    Identity {
        session_id: [0; 2],
        clock_skew_ms: 0,
        player: Player::HlsJs,
        is_version2: false,
        has_event_mode: false,
        transport: Transport::Query,
        carrier: Carrier::CloudFrontRealTime,
        site: 0,
        programme: 0,
        playback_rate: 1000,
    }
}

/// A new session's identity.
pub(super) fn identity(random: &mut Random, scenario: &Scenario, is_of_the_crowd: bool) -> Identity {
    let carrier = carrier(random, scenario);
    let is_version2 = random.permille(scenario.version2_permille);
    let players: &[(Player, u32)] = if is_version2 { &VERSION_2 } else { &VERSION_1 };
    let chosen = random.weighted(players.iter().map(|(_, weight)| *weight));
    let player = match (players.get(chosen).map_or(Player::HlsJs, |(player, _)| *player), carrier) {
        // AVPlayer sends headers only, Bitmovin in browsers the query only: neither can come by the other carrier.
        (Player::Apple, Carrier::Query) => Player::HlsJs,
        (Player::Bitmovin, Carrier::Headers) => Player::Media3,
        (player, _) => player,
    };
    let programme = if is_of_the_crowd { 0 } else { random.below(PROGRAMMES_COUNT) as u8 };
    let has_event_mode = is_version2 && random.permille(scenario.event_mode_permille);
    let is_fast = random.permille(30) && !programme_at(programme).is_live;
    Identity {
        session_id: [random.bits(), random.bits()],
        clock_skew_ms: if has_event_mode { clock_skew_ms(random, scenario.skewed_clocks_permille) } else { 0 },
        player,
        is_version2,
        has_event_mode,
        transport: transport(random, player, carrier),
        carrier,
        site: random.below(u64::from(scenario.edges.max(1))) as u16,
        programme,
        playback_rate: if is_fast { 1500 } else { 1000 },
    }
}

fn carrier(random: &mut Random, scenario: &Scenario) -> Carrier {
    let requests =
        scenario.carriers.iter().map(|(carrier, weight)| if *carrier == Carrier::Body { 0 } else { *weight });
    let chosen = random.weighted(requests);
    match scenario.carriers.get(chosen) {
        Some((Carrier::Body, _)) | None => Carrier::CloudFrontRealTime,
        Some((carrier, _)) => *carrier,
    }
}

fn transport(random: &mut Random, player: Player, carrier: Carrier) -> Transport {
    let sends_headers = match player {
        Player::Media3 | Player::Apple => true,
        Player::Shaka => random.permille(500),
        Player::HlsJs | Player::DashJs | Player::Bitmovin => false,
    };
    match carrier {
        Carrier::Query => Transport::Query,
        Carrier::Headers => Transport::Headers,
        // Standard logs, and the usual fields of these two, have no request headers: players that can are told to use the query.
        Carrier::CloudFrontStandard | Carrier::Akamai | Carrier::Google if player == Player::Apple => Transport::Unseen,
        Carrier::CloudFrontStandard | Carrier::Akamai | Carrier::Google => Transport::Query,
        _ if sends_headers => Transport::Headers,
        _ => Transport::Query,
    }
}

/// Wrong by 1 to 30 minutes, or by 1 to 10 years; ahead or behind.
pub(super) fn clock_skew_ms(random: &mut Random, skewed_permille: u32) -> i64 {
    if !random.permille(skewed_permille) {
        return 0;
    }
    let by_ms = if random.permille(700) {
        random.between(1, 30).cast_signed() * MINUTE_MS
    } else {
        random.between(1, 10).cast_signed() * YEAR_MS
    };
    if random.permille(500) { by_ms } else { -by_ms }
}

/// The median rate of a viewer's network: mobile, a household's line, fibre.
pub(super) fn link_kbps(random: &mut Random) -> u32 {
    let kind = random.below(4);
    let median_kbps = match kind {
        0 => 7_000,
        1 | 2 => 25_000,
        _ => 90_000,
    };
    random.spread(median_kbps).max(2_500) as u32
}

/// How long a viewer stays: some only look in.
pub(super) fn stay_ms(random: &mut Random) -> i64 {
    let median_ms = if random.permille(150) { 12_000 } else { 240_000 };
    random.spread(median_ms).cast_signed()
}
