//! Compresses objects: as zlib does at its fastest, but without making its tables anew for each of them.
//!
//! **Invariant:** what is written is one zlib stream (RFC 1950, 1951) of exactly the bytes that were given.

use zlib_rs::adler32::adler32;

/// What compresses objects, one after the other.
pub(super) struct Compressor {
    /// Where four bytes that have this hash stood last, counted from `begin`; smaller numbers are of blocks before, so that
    /// nothing needs to be cleared.
    seen: Box<[u32; SLOTS]>,
    begin: u32,
}

/// How many bytes a block has at most: as far as a repetition can lie back. Each block stands for itself.
const BLOCK: usize = 1 << 15;

/// A power of two; all slots together fit into the fastest cache, beside what is compressed.
const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 12;
/// How many bytes are looked for; shorter repetitions gain nothing.
const FOUR: usize = 4;
/// The longest repetition that the format can say.
const LONGEST: usize = 258;
/// How a stream begins: a window of 32 kB, compressed in a hurry.
const HEADER: [u8; 2] = [0x78, 0x01];
/// A block with codes that the format fixes; the lowest bit says whether it is the last one.
const FIXED: u32 = 0b010;
/// How many bits say what a block is.
const KIND_BITS: u32 = 3;
/// How many bytes stand before those of a block that has them as they are: what it is, and its length.
const AS_IT_IS_BYTES: usize = 5;
/// How many bytes are written at a time, of which only the first count.
const WORD: usize = 8;

impl Compressor {
    pub(super) fn new() -> Self {
        Self { seen: Box::new([0; SLOTS]), begin: 1 }
    }

    /// Appends what `bytes` are when compressed.
    pub(super) fn append(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend(HEADER);
        let start = out.len();
        let blocks = bytes.len().div_ceil(BLOCK).max(1);
        // No byte takes more than nine bits, be it in a repetition or alone.
        out.resize(start + bytes.len() + bytes.len() / 8 + blocks * WORD + WORD, 0);
        let mut writer = Bits { out: &mut out[start..], at: 0, held: 0, count: 0 };
        for (block, is_last) in divided(bytes) {
            writer.put(Code { bits: FIXED | u32::from(is_last), count: KIND_BITS });
            self.block(block, &mut writer);
        }
        let length = writer.finish();
        out.truncate(start + length);
        if length > bytes.len() + blocks * AS_IT_IS_BYTES {
            out.truncate(start);
            for (block, is_last) in divided(bytes) {
                let size = u16::try_from(block.len()).expect("because a block is small");
                out.push(u8::from(is_last));
                out.extend(size.to_le_bytes());
                out.extend((!size).to_le_bytes());
                out.extend(block);
            }
        }
        out.extend(adler32(1, bytes).to_be_bytes());
    }

    /// Writes what is in a block: what stood before is named by where, and how long it is.
    fn block(&mut self, bytes: &[u8], out: &mut Bits<'_>) {
        let length = number(bytes.len());
        if self.begin.checked_add(length).is_none() {
            *self = Self::new();
        }
        let begin = self.begin;
        self.begin += length;
        let mut at = 0;
        while let Some(four) = four(bytes, at) {
            let seen = std::mem::replace(&mut self.seen[slot(four)], begin + number(at));
            let before = seen.checked_sub(begin).map(|it| it as usize);
            let Some(before) = before.filter(|it| self::four(bytes, *it) == Some(four)) else {
                out.put(LITERALS[usize::from(bytes[at])]);
                out.write_if_full();
                at += 1;
                continue;
            };
            let length = common(&bytes[before..], &bytes[at..]);
            out.put(LENGTHS[length]);
            out.put_distance(at - before);
            out.write();
            if let Some(four) = self::four(bytes, at + 1) {
                self.seen[slot(four)] = begin + number(at + 1);
            }
            at += length;
        }
        for byte in bytes.get(at..).unwrap_or_default() {
            out.write_if_full();
            out.put(LITERALS[usize::from(*byte)]);
        }
        out.write();
        out.put(END);
    }
}

/// Divides an object into its blocks, and says which is the last one; there is one even if it is empty.
fn divided(bytes: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let last = bytes.len().saturating_sub(1) / BLOCK;
    let block = move |index: usize| {
        let begin = index * BLOCK;
        (&bytes[begin..bytes.len().min(begin + BLOCK)], index == last)
    };
    (0..=last).map(block)
}

fn number(at: usize) -> u32 {
    u32::try_from(at).expect("because a block is small")
}

fn four(bytes: &[u8], at: usize) -> Option<u32> {
    bytes[at..].first_chunk::<FOUR>().map(|it| u32::from_le_bytes(*it))
}

fn slot(four: u32) -> usize {
    (four.wrapping_mul(0x9e37_79b1) >> (u32::BITS - SLOT_BITS)) as usize
}

/// Returns how many bytes two texts have in common, of which the second is the shorter one.
fn common(a: &[u8], b: &[u8]) -> usize {
    let most = b.len().min(LONGEST);
    let (a, b) = (&a[..most], &b[..most]);
    let mut length = 0;
    while let (Some(x), Some(y)) = (a[length..].first_chunk(), b[length..].first_chunk()) {
        let differs: u64 = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if differs != 0 {
            return length + differs.trailing_zeros() as usize / 8;
        }
        length += WORD;
    }
    let rest = a[length..].iter().zip(&b[length..]);
    length + rest.take_while(|(x, y)| x == y).count()
}

/// Some bits, the first of which is the lowest.
#[derive(Clone, Copy)]
struct Code {
    bits: u32,
    count: u32,
}

/// What is written bit by bit.
struct Bits<'o> {
    out: &'o mut [u8],
    at: usize,
    held: u64,
    count: u32,
}

impl Bits<'_> {
    /// Adds bits; all that are not written yet must be less than a word.
    fn put(&mut self, Code { bits, count }: Code) {
        self.held |= u64::from(bits) << self.count;
        self.count += count;
    }

    /// Says how far back a repetition stood.
    fn put_distance(&mut self, distance: usize) {
        let far = number(distance - 1);
        // Codes come in pairs, each pair for twice as many distances as the one before.
        let extra = far.max(2).ilog2() - 1;
        let code = if far < 2 { far } else { 2 * extra + (far >> extra) };
        self.put(Code { bits: code.reverse_bits() >> (u32::BITS - 5), count: 5 });
        self.put(Code { bits: far & ((1 << extra) - 1), count: extra });
    }

    fn write_if_full(&mut self) {
        if self.count >= u32::BITS {
            self.write();
        }
    }

    /// Writes the bytes that are whole.
    fn write(&mut self) {
        self.out[self.at..self.at + WORD].copy_from_slice(&self.held.to_le_bytes());
        let whole = self.count / 8;
        self.at += whole as usize;
        self.held >>= whole * 8;
        self.count %= 8;
    }

    /// Writes all of them, and returns how many bytes they are.
    fn finish(mut self) -> usize {
        self.write();
        self.at + usize::from(self.count > 0)
    }
}

/// The code of each byte.
static LITERALS: [Code; 256] = literals();
/// The code of each length, with what tells it apart from those that share it; none for those below three.
static LENGTHS: [Code; LONGEST + 1] = lengths();
/// What ends a block.
const END: Code = fixed(256);

const fn literals() -> [Code; 256] {
    let mut codes = [END; 256];
    let mut symbol = 0;
    while symbol < 256 {
        codes[symbol as usize] = fixed(symbol);
        symbol += 1;
    }
    codes
}

const fn lengths() -> [Code; LONGEST + 1] {
    let mut codes = [Code { bits: 0, count: 0 }; LONGEST + 1];
    let (mut symbol, mut length) = (257, 3);
    while length < LONGEST {
        // The first eight lengths have a symbol each; then four symbols have twice as many as the four before.
        let extra = if symbol < 265 { 0 } else { (symbol - 261) / 4 };
        let Code { bits, count } = fixed(symbol);
        let mut rest = 0;
        while rest < 1 << extra && length < LONGEST {
            codes[length] = Code { bits: bits | rest << count, count: count + extra };
            rest += 1;
            length += 1;
        }
        symbol += 1;
    }
    codes[LONGEST] = fixed(285);
    codes
}

/// Returns the code that the format fixes for a byte, the end, or some lengths.
const fn fixed(symbol: u32) -> Code {
    let (first, code, count) = match symbol {
        ..144 => (0, 0b0011_0000, 8),
        144..256 => (144, 0b1_1001_0000, 9),
        256..280 => (256, 0, 7),
        280.. => (280, 0b1100_0000, 8),
    };
    // Codes stand in a stream with their highest bit first.
    let bits: u32 = code + symbol - first;
    Code { bits: bits.reverse_bits() >> (u32::BITS - count), count }
}

#[cfg(test)]
mod tests {
    use gix::zlib::{
        Compression, Decompress, FlushDecompress,
        stream::deflate::{Compress, FlushCompress},
    };
    use proptest::prelude::*;

    use super::*;

    fn compressed(small: &mut Compressor, bytes: &[u8]) -> Vec<u8> {
        let mut out = b"before".to_vec();
        small.append(bytes, &mut out);
        out.split_off(6)
    }

    /// How long objects are here at most: three blocks, and some more.
    const MOST: usize = 3 * BLOCK + 100;

    /// Reads a stream as git's library does.
    fn inflated(stream: &[u8]) -> Vec<u8> {
        let mut out = vec![0; MOST + 1];
        let mut inflate = Decompress::new();
        let status = inflate.decompress(stream, &mut out, FlushDecompress::Finish).unwrap();
        assert_eq!(format!("{status:?}"), "StreamEnd");
        assert_eq!(inflate.total_in(), stream.len() as u64, "nothing stands behind it");
        out.truncate(usize::try_from(inflate.total_out()).unwrap());
        out
    }

    /// Pieces of a few kinds of bytes, some again and again: repetitions of every length and distance, and none at all.
    fn objects() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let piece = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            prop::collection::vec(prop::sample::select(b"ab: \n".to_vec()), 0..40),
            (any::<u8>(), 0..600_usize).prop_map(|(byte, count)| vec![byte; count]),
        ];
        let pieces = prop::collection::vec(piece, 1..8);
        let object = (pieces, prop::collection::vec(any::<prop::sample::Index>(), 0..60));
        let object = object.prop_map(|(pieces, order)| {
            let mut bytes: Vec<u8> = order.iter().flat_map(|it| it.get(&pieces).clone()).collect();
            bytes.truncate(MOST);
            bytes
        });
        // Some are longer than a block, or two.
        let object = (object, prop::sample::select(vec![1_usize, 1, 1, 20, 40]));
        let object = object.prop_map(|(bytes, times)| {
            let mut bytes = bytes.repeat(times);
            bytes.truncate(MOST);
            bytes
        });
        prop::collection::vec(object, 1..6)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

        #[test]
        fn what_was_compressed_reads_back(objects in objects(), left in 0..100_000_u32) {
            // The count of bytes goes over its end, too.
            let mut small = Compressor { begin: u32::MAX - left, ..Compressor::new() };
            for bytes in &objects {
                let stream = compressed(&mut small, bytes);
                prop_assert!(stream.len() <= bytes.len() + 4 * AS_IT_IS_BYTES + 6);
                prop_assert!(inflated(&stream) == *bytes);
            }
        }
    }

    #[test]
    fn every_length_and_distance_reads_back() {
        let mut small = Compressor::new();
        let mut state = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .take(MOST)
        .collect();
        for length in 0..=LONGEST + 2 {
            let bytes = [&noise[..300], &noise[..length], b"\0"].concat();
            assert!(inflated(&compressed(&mut small, &bytes)) == bytes, "{length}");
        }
        for distance in
            (0..15).flat_map(|it| [(1 << it) - 1, 1 << it, (1 << it) + 1]).chain([BLOCK - 4])
        {
            let bytes = [&noise[..distance], &noise[..4.min(distance)]].concat();
            assert!(inflated(&compressed(&mut small, &bytes)) == bytes, "{distance}");
        }
        let ends = [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1, MOST];
        for length in ends {
            let (noise, zeroes) = (&noise[..length], vec![0; length]);
            let stream = compressed(&mut small, noise);
            assert!(stream.len() <= length + 4 * AS_IT_IS_BYTES + 6 && inflated(&stream) == noise);
            assert!(inflated(&compressed(&mut small, &zeroes)) == zeroes, "{length}");
        }
    }

    #[test]
    fn manifests_become_as_small_as_by_zlib() {
        let text = MANIFEST.as_bytes();
        let mut zlib = vec![0; text.len() + 100];
        let mut deflate = Compress::new(Compression::BEST_SPEED);
        deflate.compress(text, &mut zlib, FlushCompress::Finish).unwrap();
        let small = compressed(&mut Compressor::new(), text);
        assert!(small.len() as u64 <= deflate.total_out(), "{}", small.len());
    }

    const MANIFEST: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: hello-web
  namespace: prod-hello-web
  labels:
    app.kubernetes.io/name: hello-web
    app.kubernetes.io/managed-by: wob
spec:
  replicas: 2
  selector:
    matchLabels:
      app.kubernetes.io/name: hello-web
  template:
    metadata:
      labels:
        app.kubernetes.io/name: hello-web
        app.kubernetes.io/managed-by: wob
    spec:
      containers:
        - name: hello-web
          image: registry.example.com/hello-web:1.4.2
          envFrom:
            - configMapRef:
                name: hello-web-config
          resources:
            limits:
              cpu: 500m
              memory: 256Mi
            requests:
              cpu: 100m
              memory: 128Mi
";
}
