//! `streamgauge dlq`: the records that could not be read, for people: what there is, why, and putting it back.
//!
//! R1  Nothing is ever deleted: a letter stays until the retention of its topic passes it.
//! R2  A letter that was put back is marked, in its own partition of the dead-letter topic and in the transaction that put it back. So
//!     the mark is there if and only if the copy is, and outlives the letter, because retention deletes from the front.
//! R3  The bus alone decides what is said: nothing is kept on this machine.

mod filter;
mod letter;
pub mod list;
mod marks;
mod reading;
pub mod redrive;
pub mod show;
mod verdict;

use clap::{Args, Subcommand};

/// List, show and put back the records that could not be read
#[derive(Debug, Clone, Args)]
pub struct DlqArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub command: DlqCommand,
}

/// What can be done with dead letters.
#[derive(Debug, Clone, Subcommand)]
pub enum DlqCommand {
    /// A table of the newest dead letters, and how many there are by reason
    List(list::ListArgs),
    /// Everything about one dead letter, and whether this program can read it now
    Show(show::ShowArgs),
    /// Put dead letters back into the topics they came from; without --apply, say what would go where
    Redrive(redrive::RedriveArgs),
}

/// Lists, shows or puts back; false when it was told to stop before the end.
///
/// # Errors
/// When the bus does not answer, the topology cannot be loaded, or a letter that is named is not there.
pub async fn run(args: &DlqArgs) -> anyhow::Result<bool> {
    match &args.command {
        DlqCommand::List(args) => list::run(args).map(|()| true),
        DlqCommand::Show(args) => show::run(args).map(|()| true),
        DlqCommand::Redrive(args) => redrive::run(args).await,
    }
}
