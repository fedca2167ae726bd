//! Moves bytes between the world and the engine: folders, git repositories, output trees.
//!
//! This crate has never heard of a cluster. Reading gives plain data that the caller pushes into the engine; writing
//! takes plain data. A failing world is an error that says what was attempted.

mod address;
mod fetch;
mod filesystem;
mod folder;
mod forge;
mod git;
mod http;
mod imprint;
mod interrupt;
mod listing;
mod note;
mod outgoing;
mod output;
mod past;
mod program;
mod signing;
mod snapshot;
mod stamp;
mod store;
mod watch;

pub use address::{RepositoryId, redact, same_repository};
pub use fetch::{Cache, CacheError, Elsewhere, FetchError, Fetched, Policy, Reference};
pub use filesystem::{FileSystem, ReadFile, RealFileSystem, Stat, StatKind, WriteFile};
pub use folder::{FolderError, read_file, read_folder, resolve_inside};
pub use forge::{
    Comment, CommitStatus, FORGES, Forge, ForgeError, ForgeKind, Issue, Mark, Merging,
    NewPullRequest, OwnPullRequests, Project, PullRequest, PullRequestState, StatusOutcome,
    TokenSources, Wanted, find_credential,
};
pub use git::{
    Branch, BranchName, BranchPlace, Commit, CommitDetails, EarlyFiles, Edit, GitError, GitId,
    Head, Moved, Next, Relation, Remote, Repository, WorkingTree,
};
pub use http::{Credential, Http, HttpError, Method, Patience, Request, Response};
pub use imprint::Imprint;
pub use interrupt::{Interrupt, InterruptError, Interrupted};
pub use note::{NoteMark, read_marked_note, read_note, write_note};
pub use outgoing::{ManualCommit, Outgoing, PushError, RefUpdate};
pub use output::{
    Amendment, Change, Changes, Counts, Destination, Digests, Held, HeldFile, Holder, Manifest,
    MovedPaths, Others, OutputBranch, OutputError, OutputFolder, OutputLock, Overwrite, Plan,
    Previous, PublishedTree, ReadPart, Standing, TreeRecord, Waiting, Written, has_output_lock,
};
pub use past::{LeftOut, PastFile, Since, Unneeded};
pub use program::{Program, ProgramError, ProgramLimits, ProgramOutput, Surroundings};
pub use signing::{Envelope, EnvelopeError, Exposed, KeyError, SigningKey, VerifyingKey, sha256};
pub use snapshot::{
    LimitError, ReadLimits, ReadOptions, Snapshot, SnapshotFile, is_manifest_name, is_source_name,
};
pub use stamp::{Looks, Stamp, StampError, Stamper};
pub use store::{Batch, GcLimits, Lease, Removed, Store, StoreError, StoreInfo, Verified};
pub use watch::{Hint, Hints, Lookout, Watcher};
