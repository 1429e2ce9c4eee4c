//! Kaltura windows: what one partition saw of each viewer's playback, and the rows and partials that a closed window yields.

pub mod retention;
