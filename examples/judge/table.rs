//! The prompts: each of twenty names meets each of ten things, in five openings that take turns.

use super::sense::Thing;
use super::sense::people::Child;

const GIRLS: [&str; 10] = ["Mary", "Alice", "Dorothy", "Lucy", "Polly", "Betty", "Susan", "Jane", "Ellen", "Kate"];
const BOYS: [&str; 10] = ["Tom", "Jack", "Peter", "John", "Harry", "Robert", "George", "Henry", "Charlie", "Ned"];

/// Five animals and five things, each with its plural.
const THINGS: [(&str, &str, bool); 10] = [
    ("fox", "foxes", true),
    ("bear", "bears", true),
    ("rabbit", "rabbits", true),
    ("mouse", "mice", true),
    ("pony", "ponies", true),
    ("boat", "boats", false),
    ("drum", "drums", false),
    ("basket", "baskets", false),
    ("lamp", "lamps", false),
    ("ring", "rings", false),
];

/// `NAME` is the child's name, `CHILD` is girl or boy, `THING` the thing.
const OPENINGS: [&str; 5] = [
    "Once upon a time there was a little CHILD named NAME, who had a little THING.",
    "Once upon a time there was a THING. It belonged to a little CHILD whose name was NAME.",
    "One morning a little CHILD called NAME found a THING in the garden.",
    "NAME was a little CHILD who lived in a house by the wood. One day NAME saw a little THING.",
    "There was once a CHILD named NAME, and all that NAME had in the world was a little THING.",
];

/// How many prompts there are.
pub const N_PROMPTS: usize = 2 * GIRLS.len() * THINGS.len();

/// A prompt, and whom and what it introduces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pub text: String,
    pub child: Child,
    pub thing: Thing,
}

/// The children of the table: a girl, a boy, a girl, ...
pub fn children() -> Vec<Child> {
    let pair = |(girl, boy)| [Child { name: girl, is_girl: true }, Child { name: boy, is_girl: false }];
    GIRLS.into_iter().zip(BOYS).flat_map(pair).collect()
}

/// All prompts. Any even number from the first on has as many girls as boys.
pub fn prompts() -> Vec<Prompt> {
    let children = children();
    let mut prompts = Vec::new();
    for round in 0..THINGS.len() {
        for (i, &child) in children.iter().enumerate() {
            let (name, plural, is_alive) = THINGS[(i + round) % THINGS.len()];
            let opening = OPENINGS[(i / 2 + round) % OPENINGS.len()];
            let text = opening.replace("NAME", child.name).replace("THING", name);
            let text = text.replace("CHILD", if child.is_girl { "girl" } else { "boy" });
            prompts.push(Prompt { text, child, thing: Thing { name, plural, is_alive } });
        }
    }
    prompts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sense::words::words;
    use std::collections::{HashMap, HashSet};

    #[test]
    fn each_name_meets_each_thing_once_and_the_openings_are_shared_equally() {
        let prompts = prompts();
        assert_eq!(prompts.len(), 200);
        let pairs: HashSet<_> = prompts.iter().map(|prompt| (prompt.child.name, prompt.thing.name)).collect();
        assert_eq!(pairs.len(), 200);
        let beginnings = ["Once upon a time there was a little", "One morning", "There was once"];
        for beginning in beginnings {
            assert_eq!(prompts.iter().filter(|prompt| prompt.text.starts_with(beginning)).count(), 40, "{beginning}");
        }
        for n in [2, 20, 40, 200] {
            assert_eq!(prompts[..n].iter().filter(|prompt| prompt.child.is_girl).count(), n / 2);
        }
        // A girl and a boy meet each thing twice in each opening.
        let ending = |p: &Prompt| p.text.replace(p.child.name, "").replace(p.thing.name, "");
        let mut kinds: HashMap<_, usize> = HashMap::new();
        prompts.iter().for_each(|prompt| *kinds.entry((prompt.thing.name, ending(prompt))).or_default() += 1);
        assert!(kinds.len() == 100 && kinds.values().all(|&n| n == 2), "{kinds:?}");
    }

    #[test]
    fn a_prompt_introduces_its_child_and_its_thing_and_says_no_pronoun() {
        for prompt in prompts() {
            let words: Vec<&str> = words(&prompt.text).iter().map(|word| word.text).collect();
            assert!(words.contains(&prompt.child.name) && words.contains(&prompt.thing.name), "{}", prompt.text);
            assert!(words.contains(&if prompt.child.is_girl { "girl" } else { "boy" }));
            assert!(prompt.text.ends_with('.'), "{}", prompt.text);
            for pronoun in ["he", "she", "his", "her", "him"] {
                assert!(!words.contains(&pronoun), "{}", prompt.text);
            }
            assert!(!["CHILD", "NAME", "THING"].iter().any(|place| prompt.text.contains(place)), "{}", prompt.text);
        }
    }
}
