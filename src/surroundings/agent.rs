//! Device, system and browser by the browser's own name for itself, with the rules of uap-core (`agents.json`).
//!
//! `agents.json` is `regexes.yaml` of uap-core as JSON, with what is not read (versions, brands, models) left out.

use std::sync::{Arc, LazyLock};

use ua_parser::{Extractor, Regexes};

use crate::decode::common::shortened;

use super::UNKNOWN;
use super::class;
use super::recent::Recent;

/// Rules may put parts of an agent into a name: longer ones are cut.
const NAME_BYTES: usize = 64;

/// What plays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its class: `computer`, `phone`, `tablet`, `tv`, `console`, `bot`, or `unknown`.
    pub device: &'static str,
    /// Its operating system, without version.
    pub os: Box<str>,
    /// The browser, without version.
    pub browser: Box<str>,
}

static RULES: LazyLock<Option<Extractor<'static>>> = LazyLock::new(rules);

/// The rules come with the program and a test reads them, so that there are none only where they were broken since.
fn rules() -> Option<Extractor<'static>> {
    let rules: Regexes<'static> = serde_json::from_str(include_str!("agents.json")).ok()?;
    Extractor::try_from(rules).ok()
}

/// Finds devices.
#[derive(Debug)]
pub(super) struct Agents {
    recent: Recent<Box<str>, Device>,
    nothing: Arc<Device>,
}

impl Default for Agents {
    fn default() -> Self {
        Self { recent: Recent::default(), nothing: Arc::new(named(class::UNKNOWN, None, None)) }
    }
}

impl Agents {
    /// By what a browser says of itself: each name is taken apart once.
    pub(super) fn device(&mut self, user_agent: Option<&str>) -> Arc<Device> {
        match user_agent {
            Some(agent) if !agent.is_empty() => self.recent.get(agent, || taken_apart(agent)),
            _ => Arc::clone(&self.nothing),
        }
    }
}

#[cold]
fn taken_apart(agent: &str) -> Device {
    let Some(rules) = RULES.as_ref() else { return named(class::UNKNOWN, None, None) };
    let (browser, os, device) = rules.extract(agent);
    let browser = browser.as_ref().map(|browser| &*browser.family);
    let os = os.as_ref().map(|os| &*os.os);
    let device = device.as_ref().map(|device| &*device.device);
    named(class::of(agent, browser, os, device), os, browser)
}

fn named(device: &'static str, os: Option<&str>, browser: Option<&str>) -> Device {
    let name = |name: Option<&str>| match name.unwrap_or(UNKNOWN) {
        "" => UNKNOWN.into(),
        name if name.len() > NAME_BYTES => shortened(name, NAME_BYTES).into_boxed_str(),
        name => name.into(),
    };
    Device { device, os: name(os), browser: name(browser) }
}
