//! What a pack of git cannot do without: rendering, hashing and compressing alone, with all threads, in memory.

use std::{
    error::Error,
    hint::black_box,
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use gix::zlib::{
    Compression,
    stream::deflate::{Compress, FlushCompress},
};
use rayon::prelude::*;
use wob_engine::{Blob, git_blob_id};
use wob_rules::Inputs;

use super::Templates;
use crate::meter::time;

/// How many files a thread takes at a time.
const SHARE: usize = 64;

/// As fast as gix compresses; what wob does beyond that is its own gain.
const LEVEL: Compression = Compression::BEST_SPEED;

/// Renders as many texts as `inputs` have, then hashes and compresses `files`; returns how long it took.
///
/// # Errors
/// If the templates do not compile.
pub(crate) fn measure(inputs: &[Arc<Inputs>], files: &[&Blob]) -> Result<Duration, Box<dyn Error>> {
    // Here an error can be told; it would be the same in every thread.
    Templates::new(inputs)?;
    let rendering = render(inputs);
    // The bytes are there: nothing is read or rendered to have them.
    let files: Vec<_> = files.iter().map(|it| it.bytes()).collect();
    let packing = time(|| {
        let sizes = files.par_chunks(SHARE).map(|it| {
            let mut deflate = Compress::new(LEVEL);
            it.iter().map(|bytes| packed(&mut deflate, bytes)).sum::<u64>()
        });
        black_box(sizes.sum::<u64>());
    });
    Ok(rendering + packing.wall)
}

/// Renders in as many threads as packing has; each has templates of its own, since their data is not shared.
fn render(inputs: &[Arc<Inputs>]) -> Duration {
    let threads = rayon::current_num_threads();
    let shares: Vec<_> = inputs.chunks(inputs.len().div_ceil(threads).max(1)).collect();
    let ready = Barrier::new(shares.len() + 1);
    thread::scope(|scope| {
        for share in shares {
            let ready = &ready;
            scope.spawn(move || {
                let templates = Templates::new(inputs).expect("because they were compiled before");
                ready.wait();
                templates.render(share);
                ready.wait();
            });
        }
        ready.wait();
        time(|| {
            ready.wait();
        })
        .wall
    })
}

/// Names `bytes` as git and as wob do, and compresses them; returns the size that they then have.
fn packed(deflate: &mut Compress, bytes: &[u8]) -> u64 {
    black_box((git_blob_id(bytes), blake3::hash(bytes)));
    let mut out = vec![0; bytes.len() + bytes.len() / 64 + 64];
    deflate.reset();
    let done = deflate.compress(bytes, &mut out, FlushCompress::Finish);
    done.expect("because there is room for what does not shrink");
    black_box(&out);
    deflate.total_out()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything is compressed, also what does not shrink: else the floor would be too low.
    #[test]
    fn all_bytes_are_compressed() {
        let plain = "kind: ConfigMap\n".repeat(80);
        let mut noise = vec![0; 2000];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        let mut deflate = Compress::new(LEVEL);
        let small = packed(&mut deflate, plain.as_bytes());
        assert!(small > 10 && small < 200, "{small}");
        let large = packed(&mut deflate, &noise);
        assert!(large >= 2000, "{large}");
    }
}
