//! Every form in which models are met, damaged: for as long as you like.

use super::{damage, peak, tensorflow};
use gpt60::Rng;
use gpt60::checkpoint::{inspect, load};
use std::fs;
use std::path::{Path, PathBuf};

/// The models, each a directory or a file of the fixtures.
pub(super) const FORMS: [&str; 15] = [
    "formats/shards",
    "formats/doubles",
    "formats/torch",
    "formats/torch_shards",
    "formats/nano/ckpt.pt",
    "formats/nano_bare/ckpt.pt",
    "llm_c/f32.bin",
    "llm_c/bf16.bin",
    "gguf/f32.gguf",
    "gguf/bf16.gguf",
    "gguf/f16.gguf",
    "gguf/q8_0.gguf",
    "gguf/q4_0.gguf",
    "openai/released",
    "openai/trained",
];

/// A copy of a model, in which one file is damaged at a time.
pub(super) struct Form {
    dir: PathBuf,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Form {
    pub(super) fn new(name: &str) -> Form {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let dir = std::env::temp_dir().join(format!("gpt60-forms-{}-{}", name.replace('/', "-"), std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let sources: Vec<PathBuf> = if from.is_dir() {
            fs::read_dir(&from).unwrap().map(|entry| entry.unwrap().path()).collect()
        } else {
            vec![from]
        };
        let mut files = Vec::new();
        for source in sources {
            let (to, bytes) = (dir.join(source.file_name().unwrap()), fs::read(&source).unwrap());
            fs::write(&to, &bytes).unwrap();
            files.push((to, bytes));
        }
        files.sort();
        load(&dir).unwrap(); // it is whole now
        Form { dir, files }
    }

    /// Damages one file, reads the model, and repairs it. Returns whether it was refused, or what is wrong with that.
    pub(super) fn try_file(&self, seed: u64) -> Result<bool, String> {
        let mut rng = Rng::new(seed);
        let (path, whole) = &self.files[rng.below(self.files.len())];
        // What lies first says where everything is, so it is damaged more often than the numbers.
        let span = [600, 4000, usize::MAX][rng.below(3)];
        let is_index = path.extension().is_some_and(|extension| extension == "index");
        let bytes = if is_index && rng.below(4) > 0 {
            // With right sums, or the damage is found before anything is looked at.
            let contents = damage(tensorflow::block(whole), seed, span);
            tensorflow::with_block(whole, &contents)
        } else {
            damage(whole, seed, span)
        };
        fs::write(path, &bytes).unwrap();
        let size: usize = self.files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() + bytes.len();
        let mut message = None;
        let used = peak(|| message = load(&self.dir).err().map(|e| e.to_string()));
        let looked = peak(|| drop(inspect(&self.dir)));
        fs::write(path, whole).unwrap();
        let what = || format!("{}, seed {seed}", path.display());
        let limit = 2 * size + (1 << 20);
        if used.max(looked) > limit {
            return Err(format!("{}: {used} and {looked} bytes of memory, more than {limit}", what()));
        }
        if let Some(message) = &message
            && (message.len() > 2000 || message.contains('\n') || !message.contains(&self.dir.display().to_string()))
        {
            return Err(format!("{}: the message is not a line that names the file: {message:?}", what()));
        }
        Ok(message.is_some())
    }
}

impl Drop for Form {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}
