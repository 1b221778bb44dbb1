//! What the script must hold: the revisions and the hashes of the files, as they are on record.

use std::fs;
use std::path::Path;

/// What is fetched, and what is on record: the model, its revision, and the SHA-256 of config.json and model.safetensors.
pub const MODELS: [[&str; 4]; 4] = [
    [
        "gpt2",
        "607a30d783dfa663caf39e06633721c8d4cfcd7e",
        "0daed7749b4f02b8f76240d5444551d7b08712dab4d0adb8239c56ba823bb7b4",
        "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
    ],
    [
        "gpt2-medium",
        "6dcaa7a952f72f9298047fd5137cd6e4f05f41da",
        "ef1a44d889ad1a0acc7731c78134f1b87d2d222f110e97dd10fd4117331caf22",
        "fc5a354a19255ad494f3d71549390baca1ccf61d1d822b9408971705c687c9cd",
    ],
    [
        "gpt2-large",
        "32b71b12589c2f8d625668d2335a01cac3249519",
        "7fccdcfd6622055342a734c663ee0b61ff4fd697f42467595df0bf4448c8c170",
        "5f47f3e12f91cd33b662ce7e433b6150ad5512b5884a2cee961b50e9c3bbebce",
    ],
    [
        "gpt2-xl",
        "15ea56dee5df4983c59b2538573817e1667135e2",
        "be48115d52314bc27327e160bf10197760db02ea689d10adb24db4102edf7a8a",
        "0f8b28eb05a8075f48b61b6f35332978c74fc7763fa9fb4051a1c30511736a6a",
    ],
];
/// The SHA-256 of vocab.json, the same for all models.
pub const VOCAB: &str = "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783";
/// The SHA-256 of merges.txt, the same for all models.
pub const MERGES: &str = "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5";
/// The files, in the order in which they are fetched.
pub const NAMES: [&str; 4] = ["config.json", "vocab.json", "merges.txt", "model.safetensors"];

#[test]
fn the_script_holds_what_is_on_record() {
    let script = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("weights-fetch.sh")).unwrap();
    for [model, revision, config, weights] in MODELS {
        let begin = script.find(&format!("\n        {model})\n")).expect(model);
        let part = &script[begin..begin + script[begin..].find(";;").unwrap()];
        assert!(part.contains(&format!("revision={revision}\n")), "{model}");
        assert!(part.contains(&format!("config={config}\n")), "{model}");
        assert!(part.contains(&format!("weights=\"{weights} ")), "{model}");
    }
    assert!(script.contains(&format!("vocab={VOCAB}\n")) && script.contains(&format!("merges={MERGES}\n")));
}
