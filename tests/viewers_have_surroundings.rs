//! Device, system and browser of a viewer by what his browser says of itself, and his place by the operator's file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use streamgauge::surroundings::{Places, Surroundings};

/// A file with invented places; `places.py` beside it says which.
const PLACES: &[u8] = include_bytes!("data/kaltura/places.mmdb");

#[test]
fn an_agent_tells_class_system_and_browser() {
    let cases = [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            ["computer", "Windows", "Chrome"],
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
            ["computer", "macOS", "Safari"],
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", ["computer", "Linux", "Firefox"]),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            ["computer", "Windows", "Edge"],
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
            ["phone", "iOS", "Safari"],
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
            ["tablet", "iOS", "Safari"],
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
            ["phone", "Android", "Chrome"],
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            ["tablet", "Android", "Chrome"],
        ),
        (
            "playkit/android-4.30.0 com.example.app/2.1 (Linux;Android 14) ExoPlayerLib/2.18.1",
            ["phone", "Android", "unknown"],
        ),
        ("playkit/ios-3.30.0 App/1.2.3 (iPhone; CPU iPhone OS 17_2 like Mac OS X)", ["phone", "iOS", "Webview"]),
        (
            "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.5) AppleWebKit/537.36 (KHTML, like Gecko) 85.0.4183.93/6.5 TV Safari/537.36",
            ["tv", "Tizen", "Safari"],
        ),
        (
            "Mozilla/5.0 (PlayStation; PlayStation 5/6.00) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15",
            ["console", "unknown", "Safari"],
        ),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", ["bot", "unknown", "Googlebot"]),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
            ["bot", "Linux", "Chrome"],
        ),
        ("curl/8.5.0", ["bot", "unknown", "HTTP Library"]),
        ("?", ["unknown"; 3]),
    ];
    let mut surroundings = Surroundings::default();
    for (agent, expected) in cases {
        let device = surroundings.device(Some(agent));
        assert_eq!([device.device, &*device.os, &*device.browser], expected, "{agent}");
        assert!(Arc::ptr_eq(&device, &surroundings.device(Some(agent))), "taken apart once: {agent}");
    }
    assert_eq!(surroundings.device(None).device, "unknown");
}

#[test]
fn an_address_tells_a_place_as_far_as_the_file_knows_it() {
    let places = Arc::new(Places::from_bytes(PLACES.to_vec()).unwrap());
    let mut surroundings = Surroundings::new(Some(places));
    let cases = [
        ("192.0.2.7", ["DE", "Bavaria", "Munich"]),
        ("::ffff:192.0.2.7", ["DE", "Bavaria", "Munich"]),
        ("2001:db8:1::5", ["DE", "Bavaria", "Munich"]),
        ("192.0.2.200", ["BR", "unknown", "unknown"]),
        ("198.51.100.1", ["unknown", "XX", "Nowhere"]),
        ("10.0.0.1", ["unknown"; 3]),
    ];
    for (address, expected) in cases {
        let place = surroundings.place(Some(address.parse().unwrap()));
        assert_eq!([&*place.country, &*place.region, &*place.city], expected, "{address}");
    }
    assert_eq!(&*surroundings.place(None).country, "unknown");
    let mut without_file = Surroundings::default();
    assert_eq!(&*without_file.place(Some("192.0.2.7".parse().unwrap())).city, "unknown");
}

#[test]
fn a_file_of_another_kind_is_refused_and_a_broken_one_knows_nothing() {
    let error = Places::from_bytes(b"country,city".to_vec()).unwrap_err().to_string();
    assert!(error.contains("GeoLite2-City.mmdb"), "{error}");
    // Entries overwritten, the description at the end left whole.
    let mut broken = PLACES.to_vec();
    let end = broken.len() - 300;
    broken[300..end].fill(0xff);
    if let Ok(places) = Places::from_bytes(broken) {
        let mut surroundings = Surroundings::new(Some(Arc::new(places)));
        assert_eq!(&*surroundings.place(Some("192.0.2.7".parse().unwrap())).city, "unknown");
    }
}
