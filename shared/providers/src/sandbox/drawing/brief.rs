//! Owns what a prompt asks for, as far as it is understood: words choose the scene, the figure in it,
//! the mood and the colours. What no word decides, the hash of the prompt does.

use super::chance::Chance;
use super::colour::Colour;
use super::palette::{Mood, Palette};

#[cfg(test)]
mod tests;

/// Where a picture is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    Mountains,
    Sea,
    City,
    Forest,
    Garden,
    Cosmos,
    Desert,
    Stage,
    Geometry,
    Ribbons,
}

impl Scene {
    /// Where sun and moon are to be seen.
    const UNDER_THE_SKY: [Self; 4] = [Self::Mountains, Self::Sea, Self::Forest, Self::Desert];

    pub(super) const ALL: [Self; 10] = [
        Self::Mountains,
        Self::Sea,
        Self::City,
        Self::Forest,
        Self::Garden,
        Self::Cosmos,
        Self::Desert,
        Self::Stage,
        Self::Geometry,
        Self::Ribbons,
    ];
}

/// Who or what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    Cat,
    Fox,
    Wolf,
    Dog,
    Rabbit,
    Hourglass,
    Robot,
    Balloon,
    Boat,
    Cabin,
    Traveller,
    Rocket,
}

impl Figure {
    /// Where it is at home, when the prompt does not say.
    const fn home(self) -> Scene {
        match self {
            Self::Cat | Self::Balloon | Self::Cabin | Self::Traveller => Scene::Mountains,
            Self::Fox | Self::Wolf => Scene::Forest,
            Self::Dog | Self::Rabbit => Scene::Garden,
            Self::Hourglass => Scene::Stage,
            Self::Robot => Scene::City,
            Self::Boat => Scene::Sea,
            Self::Rocket => Scene::Cosmos,
        }
    }
}

/// What shines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Orb {
    Sun,
    Moon,
    Crescent,
}

/// What blossoms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bloom {
    Daisy,
    Poppy,
    Tulip,
    Rose,
}

/// What falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weather {
    Clear,
    Snow,
    Rain,
}

const SCENES: [(Scene, &str); 10] = [
    (Scene::Mountains, "mountain alp peak hill valley landscape fjord glacier canyon cliff summit"),
    (Scene::Sea, "sea ocean wave beach coast lake water island harbor harbour surf river lagoon"),
    (
        Scene::City,
        "city skyline street town skyscraper building downtown urban metropolis tokyo cyberpunk",
    ),
    (Scene::Forest, "forest tree wood pine jungle woodland taiga birch"),
    (
        Scene::Garden,
        "flower garden meadow rose tulip daisy sunflower blossom bouquet field poppy peony lily floral",
    ),
    (
        Scene::Cosmos,
        "space planet galaxy cosmos cosmic nebula universe star starry orbit astronaut saturn",
    ),
    (Scene::Desert, "desert dune sand sahara pyramid oasis mesa"),
    (Scene::Stage, "product studio bottle watch perfume pedestal render orb sphere jewel crystal"),
    (
        Scene::Geometry,
        "geometric geometry poster bauhaus cube triangle shape pattern minimalist logo icon",
    ),
    (Scene::Ribbons, "abstract ribbon flow fluid swirl gradient wallpaper silk aurora liquid"),
];

const FIGURES: [(Figure, &str); 12] = [
    (Figure::Cat, "cat kitten kitty feline tiger lion panther"),
    (Figure::Fox, "fox vixen squirrel"),
    (Figure::Wolf, "wolf husky coyote"),
    (Figure::Dog, "dog puppy corgi hound retriever bear"),
    (Figure::Rabbit, "rabbit bunny hare"),
    (Figure::Hourglass, "hourglass sandglass clock"),
    (Figure::Robot, "robot android mech droid cyborg automaton"),
    (Figure::Balloon, "balloon airship zeppelin"),
    (Figure::Boat, "boat sailboat ship yacht sail sailing canoe"),
    (Figure::Cabin, "cabin house cottage hut home castle barn village"),
    (
        Figure::Traveller,
        "man woman person girl boy portrait traveller traveler hiker wizard knight samurai monk \
         astronaut hero figure wanderer",
    ),
    (Figure::Rocket, "rocket spaceship spacecraft shuttle starship"),
];

/// The first that has a word in the prompt wins: light before season before mere brightness.
const MOODS: [(Mood, &str); 14] = [
    (Mood::Neon, "neon cyberpunk synthwave vaporwave retrowave glowing"),
    (Mood::Cinematic, "cinematic dramatic moody film movie epic"),
    (Mood::Sunset, "sunset dusk twilight evening"),
    (Mood::Dawn, "dawn sunrise morning misty foggy mist fog"),
    (Mood::Night, "night midnight moon moonlit moonlight dark starry star galaxy"),
    (Mood::Winter, "winter snow snowy ice icy frozen frost arctic"),
    (Mood::Autumn, "autumn fall october harvest"),
    (Mood::Spring, "spring pastel cherry easter blossom"),
    (Mood::Tropical, "tropical summer caribbean beach turquoise"),
    (Mood::Golden, "golden gold honey amber brass"),
    (Mood::Noir, "noir monochrome grayscale greyscale charcoal"),
    (Mood::Lavender, "lavender dream dreamy fantasy magic magical fairy"),
    (Mood::Verdant, "lush verdant jungle mossy"),
    (Mood::Day, "day daylight sunny noon bright"),
];

const DYES: [(u32, &str); 16] = [
    (0xd9_3a2b, "red crimson scarlet ruby"),
    (0xf0_8a2c, "orange tangerine ginger"),
    (0xf2_b632, "gold golden amber honey"),
    (0xff_d93d, "yellow lemon"),
    (0x3f_a65a, "green emerald lime olive"),
    (0x1f_a59a, "teal turquoise mint jade"),
    (0x2b_c4e0, "cyan aqua"),
    (0x2f_6fd6, "blue azure cobalt sapphire"),
    (0x2a_3f8f, "navy indigo"),
    (0x8a_4fd0, "purple violet lavender lilac"),
    (0xd8_4fb0, "magenta fuchsia"),
    (0xf5_86a8, "pink rose coral salmon"),
    (0x8a_5a3a, "brown chocolate bronze copper"),
    (0x22_222a, "black ebony"),
    (0xf4_f2ee, "white ivory"),
    (0x8f_959c, "grey gray silver"),
];

const ORBS: [(Orb, &str); 3] = [
    (Orb::Crescent, "crescent"),
    (Orb::Moon, "moon moonlit moonlight"),
    (Orb::Sun, "sun sunset sunrise sunny"),
];

const BLOOMS: [(Bloom, &str); 4] = [
    (Bloom::Daisy, "daisy sunflower chamomile aster"),
    (Bloom::Poppy, "poppy cherry violet anemone"),
    (Bloom::Tulip, "tulip crocus lily"),
    (Bloom::Rose, "rose peony dahlia camellia"),
];

const WEATHERS: [(Weather, &str); 2] = [
    (Weather::Snow, "snow snowy snowing snowfall snowflake blizzard"),
    (Weather::Rain, "rain rainy raining storm stormy"),
];

/// What comes later in a prompt is not read.
const WORDS_MAX: usize = 400;

const SPARSE: &str = "minimal minimalist minimalistic simple clean";

/// What a picture shall show.
#[derive(Debug)]
pub(super) struct Brief {
    pub(super) scene: Scene,
    pub(super) figure: Option<Figure>,
    mood: Option<Mood>,
    dyes: Vec<Colour>,
    pub(super) orb: Option<Orb>,
    pub(super) bloom: Option<Bloom>,
    pub(super) weather: Weather,
    /// Fewer things, more room.
    pub(super) sparse: bool,
}

impl Brief {
    /// Reads a prompt.
    pub(super) fn read(prompt: &str) -> Self {
        let words: Vec<String> = prompt
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .take(WORDS_MAX)
            .map(str::to_lowercase)
            .collect();
        let figure = first_named(&words, &FIGURES);
        let named = first_named(&words, &SCENES);
        let home = figure.map(Figure::home);
        let orb = first_listed(&words, &ORBS);
        let mut left = Chance::of_prompt(prompt);
        let scene = named.or(home).unwrap_or_else(|| match orb {
            Some(_) => left.pick(Scene::UNDER_THE_SKY),
            None => left.pick(Scene::ALL),
        });
        let dyes = words.iter().filter_map(|word| meaning(word, &DYES)).map(Colour::hex).collect();
        Self {
            scene,
            figure,
            mood: first_listed(&words, &MOODS),
            dyes,
            orb,
            bloom: first_named(&words, &BLOOMS),
            weather: first_listed(&words, &WEATHERS).unwrap_or(Weather::Clear),
            sparse: words.iter().any(|word| lists(SPARSE, word)),
        }
    }

    /// The colours for it. A colour next to a figure is the figure's; without one it is everything's.
    pub(super) fn palette(&self, prompt: &str) -> Palette {
        let mut left = Chance::of_prompt(prompt);
        let deep = self.scene == Scene::Cosmos;
        let mood = if deep { left.pick(Mood::DEEP) } else { left.pick(Mood::ALL) };
        let dark = deep || left.odds(0.35);
        let dye = self.dyes.first().copied();
        let mut palette = match (self.mood, dye, self.figure) {
            (Some(mood), _, _) => Palette::of(mood),
            (None, Some(dye), None) => Palette::around(dye, dark),
            (None, None | Some(_), _) => Palette::of(mood),
        };
        for (accent, dye) in palette.accents.iter_mut().zip(&self.dyes) {
            *accent = *dye;
        }
        palette
    }

    /// The first colour the prompt names; if there is a figure, it is the figure's.
    pub(super) fn dye(&self) -> Option<Colour> {
        self.dyes.first().copied()
    }
}

/// The meaning of the first word that has one.
fn first_named<T: Copy>(words: &[String], table: &[(T, &str)]) -> Option<T> {
    words.iter().find_map(|word| meaning(word, table))
}

/// The first entry of the table that one of the words is for.
fn first_listed<T: Copy>(words: &[String], table: &[(T, &str)]) -> Option<T> {
    let named = |list: &str| words.iter().any(|word| lists(list, word));
    table.iter().find(|(_, list)| named(list)).map(|(meaning, _)| *meaning)
}

fn meaning<T: Copy>(word: &str, table: &[(T, &str)]) -> Option<T> {
    table.iter().find(|(_, list)| lists(list, word)).map(|(meaning, _)| *meaning)
}

/// Whether a list has the word, or its singular.
fn lists(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|entry| {
        let ending = |of: &str, plural: &str| {
            let stem = entry.strip_suffix(of);
            stem.and_then(|stem| word.strip_prefix(stem)).is_some_and(|rest| rest == plural)
        };
        entry == word
            || ending("", "s")
            || ending("", "es")
            || ending("y", "ies")
            || ending("f", "ves")
    })
}
