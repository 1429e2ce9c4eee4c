//! Who watches: the mix of partners, clients, networks, pages and people.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::catalogue::Entry;
use crate::simulate::random::Random;

/// The network whose viewers have it bad when one has.
const BAD_NETWORK: u8 = 0;
/// Networks, all of them reserved for examples (RFC 5737, RFC 3849).
const NETWORKS: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];
pub(super) const PARTNERS: [u32; 3] = [1_734_762, 2_049_181, 811_441];
const PAGES: [&str; 4] = [
    "https://www.example.com/watch",
    "https://campus.example.edu:8443/course/12?session=private",
    "https://news.example.net/",
    "https://intranet.example.org/townhall",
];
const DESKTOPS: [&str; 3] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
];
const PHONE: &str =
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36";
const HEADLESS: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36";
const ANDROID: &str = "playkit/android-4.30.0 com.example.app/2.1 (Linux;Android 14) ExoPlayerLib/2.18.1";
const APPLE: &str = "playkit/ios-3.30.0 Example/2.1 (iPhone; CPU iPhone OS 17_2 like Mac OS X)";

/// A family of clients: they differ in how they send, and in units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// The player in a page: JSON in the body, bit rates in 1024 bit/s, times in seconds.
    Web,
    /// The app for Android: all in the query, download times in milliseconds.
    Android,
    /// The app for iOS: all in the query, bit rates in bit/s.
    Apple,
}

/// Who watches: fixed for a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) session: [u64; 2],
    pub(super) partner: u32,
    pub(super) entry: Entry,
    pub(super) client: Client,
    pub(super) user_agent: &'static str,
    network: u8,
    pub(super) address: IpAddr,
    pub(super) page: &'static str,
    /// Who is signed in.
    pub(super) user: Option<u32>,
    /// The first custom variable: a group of an experiment.
    pub(super) group: Option<char>,
    /// Whether the device writes fractions with a comma.
    pub(super) has_commas: bool,
}

impl Identity {
    /// The identity before anybody is there.
    pub(super) const fn nobody() -> Self {
        Self {
            session: [0; 2],
            partner: 0,
            entry: Entry::CROWDED,
            client: Client::Web,
            user_agent: "",
            network: 0,
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            page: "",
            user: None,
            group: None,
            has_commas: false,
        }
    }

    /// A new session's identity.
    pub(super) fn draw(random: &mut Random, is_of_the_crowd: bool) -> Self {
        let (client, user_agent) = match random.below(100) {
            kind @ 0..60 => (Client::Web, DESKTOPS.get(kind as usize % DESKTOPS.len()).copied().unwrap_or(PHONE)),
            60..75 => (Client::Web, PHONE),
            75 => (Client::Web, HEADLESS),
            76..90 => (Client::Android, ANDROID),
            _ => (Client::Apple, APPLE),
        };
        let network = random.below(NETWORKS.len() as u64) as u8;
        let partner = random.weighted([6, 3, 1].into_iter());
        Self {
            session: [random.bits(), random.bits()],
            partner: PARTNERS.get(partner).copied().unwrap_or(0),
            entry: if is_of_the_crowd { Entry::CROWDED } else { Entry::choose(random) },
            client,
            user_agent,
            network,
            address: address(random, network),
            page: PAGES.get(random.weighted([5, 3, 2, 1].into_iter())).copied().unwrap_or(""),
            user: random.permille(400).then(|| random.below(5_000) as u32),
            group: [Some('a'), Some('b'), None].get(random.below(3) as usize).copied().flatten(),
            has_commas: client == Client::Android && random.permille(100),
        }
    }

    /// Whether this viewer's network is the one that goes bad.
    pub(super) const fn is_in_bad_network(&self) -> bool {
        self.network == BAD_NETWORK
    }
}

fn address(random: &mut Random, network: u8) -> IpAddr {
    let host = random.between(1, 254);
    if random.permille(200) {
        return IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, u16::from(network) + 1, 0, 0, 0, 0, host as u16));
    }
    let [first, second, third] = NETWORKS.get(usize::from(network)).copied().unwrap_or([192, 0, 2]);
    IpAddr::V4(Ipv4Addr::new(first, second, third, host as u8))
}
