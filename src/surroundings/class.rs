//! The class of a device, from what the rules found: they name thousands of devices, rows have seven classes.

/// Not known.
pub(super) const UNKNOWN: &str = "unknown";
const COMPUTER: &str = "computer";
const PHONE: &str = "phone";
const TABLET: &str = "tablet";
const TV: &str = "tv";
const CONSOLE: &str = "console";
const BOT: &str = "bot";

/// Browsers that nobody looks at, which the rules know as browsers.
const BOTS: [&str; 9] = [
    "HeadlessChrome",
    "PhantomJS",
    "curl",
    "Wget",
    "Python Requests",
    "Python-urllib",
    "aiohttp",
    "Go-http-client",
    "libwww-perl",
];
const COMPUTERS: [&str; 9] =
    ["Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD", "OpenBSD"];
const TVS: [&str; 11] = [
    "ATV OS X",
    "tvOS",
    "Roku",
    "Roku OS",
    "Chromecast",
    "Chromecast Android",
    "Chromecast Fuchsia",
    "Tizen",
    "webOS",
    "GoogleTV",
    "FireOS TV",
];
/// Words of an agent that only televisions and what is plugged into them have.
const TV_WORDS: [&str; 12] = [
    "smart-tv",
    "smarttv",
    "hbbtv",
    "appletv",
    "apple tv",
    "bravia",
    "android tv",
    "googletv",
    "crkey",
    "roku",
    "; aft",
    "web0s",
];
const CONSOLE_WORDS: [&str; 3] = ["playstation", "xbox", "nintendo"];
const TABLET_WORDS: [&str; 4] = ["ipad", "tablet", "kindle", "silk/"];

/// By the agent and by what the rules made of it.
pub(super) fn of(agent: &str, browser: Option<&str>, os: Option<&str>, device: Option<&str>) -> &'static str {
    let agent = agent.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| agent.contains(word));
    let is_of = |name: Option<&str>, names: &[&str]| name.is_some_and(|name| names.contains(&name));
    if device == Some("Spider") || is_of(browser, &BOTS) {
        BOT
    } else if has(&CONSOLE_WORDS) {
        CONSOLE
    } else if is_of(os, &TVS) || has(&TV_WORDS) {
        TV
    } else if has(&TABLET_WORDS) {
        TABLET
    } else if is_of(os, &["iOS"]) || agent.contains("windows phone") {
        PHONE
    } else if is_of(os, &["Android"]) {
        // Browsers on tablets leave the word out; apps, which have names of their own, never have it.
        if agent.contains("mobile") || !agent.starts_with("mozilla/") { PHONE } else { TABLET }
    } else if is_of(os, &COMPUTERS) {
        COMPUTER
    } else {
        UNKNOWN
    }
}
