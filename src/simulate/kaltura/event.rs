//! The numbers that players give to events.

pub(super) const IMPRESSION: u16 = 1;
pub(super) const PLAY_REQUEST: u16 = 2;
pub(super) const PLAY: u16 = 3;
pub(super) const RESUME: u16 = 4;
/// The quarters before it have the numbers before it.
pub(super) const REACHED_END: u16 = 14;
pub(super) const REACHED_NINE_TENTHS: u16 = 15;
pub(super) const ENTER_FULL_SCREEN: u16 = 31;
pub(super) const PAUSE: u16 = 33;
pub(super) const REPLAY: u16 = 34;
pub(super) const SEEK: u16 = 35;
pub(super) const SPEED: u16 = 41;
pub(super) const FLAVOR_SWITCH: u16 = 43;
pub(super) const BUFFER_START: u16 = 45;
pub(super) const BUFFER_END: u16 = 46;
pub(super) const ERROR: u16 = 98;
pub(super) const VIEW: u16 = 99;
/// One of the application around the player.
pub(super) const BUTTON_CLICKED: u16 = 10_002;
