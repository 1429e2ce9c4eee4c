//! The class of a device and its system, from what the parser found: it knows computers, phones and crawlers, and of televisions and consoles
//! little.

/// Not known.
pub(super) const UNKNOWN: &str = "unknown";
const COMPUTER: &str = "computer";
const PHONE: &str = "phone";
const TABLET: &str = "tablet";
const TV: &str = "tv";
const CONSOLE: &str = "console";
const BOT: &str = "bot";

/// Words of agents that nobody looks at, which the parser takes for browsers or does not know.
const BOT_WORDS: [&str; 9] =
    ["headless", "phantomjs", "curl", "wget/", "python", "aiohttp", "go-http-client", "libwww-perl", "okhttp/"];
/// Words of an agent that only televisions and what is plugged into them have.
const TV_WORDS: [&str; 13] = [
    "smart-tv",
    "smarttv",
    "hbbtv",
    "appletv",
    "apple tv",
    "tvos",
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
/// Systems of televisions, each by a word of the agent.
const TV_SYSTEMS: [(&str, &str); 6] = [
    ("tizen", "Tizen"),
    ("web0s", "webOS"),
    ("webos", "webOS"),
    ("tvos", "tvOS"),
    ("appletv", "tvOS"),
    ("roku", "Roku OS"),
];

/// By the agent in small letters, and by the category and system that the parser found.
pub(super) fn of(agent: &str, category: &str, os: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|word| agent.contains(word));
    if category == "crawler" || has(&BOT_WORDS) {
        BOT
    } else if has(&CONSOLE_WORDS) {
        CONSOLE
    } else if has(&TV_WORDS) || category == "appliance" {
        TV
    } else if has(&TABLET_WORDS) {
        TABLET
    } else if os == "Android" {
        // Browsers on tablets leave the word out; apps, which have names of their own, never have it.
        if agent.contains("mobile") || !agent.starts_with("mozilla/") { PHONE } else { TABLET }
    } else if ["smartphone", "mobilephone"].contains(&category) {
        PHONE
    } else if category == "pc" {
        COMPUTER
    } else {
        UNKNOWN
    }
}

/// The system without its version: by the agent in small letters, and by what the parser found.
pub(super) fn system<'o>(agent: &str, os: &'o str) -> Option<&'o str> {
    if let Some((_, system)) = TV_SYSTEMS.iter().find(|(word, _)| agent.contains(word)) {
        return Some(system);
    }
    match os {
        "iPhone" | "iPad" | "iPod" => Some("iOS"),
        "Mac OSX" => Some("macOS"),
        "" => None,
        os if os.starts_with("Windows Phone") => Some("Windows Phone"),
        os if os.starts_with("Windows") => Some("Windows"),
        os => Some(os),
    }
}
