use super::*;

#[test]
fn words_choose_the_scene() {
    for (prompt, scene) in [
        ("golden mountains", Scene::Mountains),
        ("sunset over the ocean", Scene::Sea),
        ("Neon CITY, at night!", Scene::City),
        ("a red fox in a snowy forest", Scene::Forest),
        ("flowers in spring", Scene::Garden),
        ("two galaxies collide", Scene::Cosmos),
        ("dunes", Scene::Desert),
        ("a product shot", Scene::Stage),
        ("minimal geometric poster", Scene::Geometry),
        ("abstract flow", Scene::Ribbons),
    ] {
        assert_eq!(Brief::read(prompt).scene, scene, "{prompt}");
    }
}

#[test]
fn words_choose_the_figure_and_its_home() {
    for (prompt, figure, scene) in [
        ("a cat", Figure::Cat, Scene::Mountains),
        ("foxes", Figure::Fox, Scene::Forest),
        ("wolves", Figure::Wolf, Scene::Forest),
        ("my dog", Figure::Dog, Scene::Garden),
        ("bunnies", Figure::Rabbit, Scene::Garden),
        ("a cinematic hourglass", Figure::Hourglass, Scene::Stage),
        ("a robot", Figure::Robot, Scene::City),
        ("hot-air balloon", Figure::Balloon, Scene::Mountains),
        ("a yacht", Figure::Boat, Scene::Sea),
        ("log cabin", Figure::Cabin, Scene::Mountains),
        ("portrait of a woman", Figure::Traveller, Scene::Mountains),
        ("rocket launch", Figure::Rocket, Scene::Cosmos),
    ] {
        let brief = Brief::read(prompt);
        assert_eq!((brief.figure, brief.scene), (Some(figure), scene), "{prompt}");
    }
}

#[test]
fn a_named_scene_wins_over_the_home_of_the_figure() {
    let brief = Brief::read("a cat on the beach");
    assert_eq!((brief.figure, brief.scene), (Some(Figure::Cat), Scene::Sea));
}

#[test]
fn words_choose_mood_light_weather_and_blossom() {
    assert_eq!(Brief::read("city at night with neon signs").mood, Some(Mood::Neon));
    assert_eq!(Brief::read("sunset over the ocean").mood, Some(Mood::Sunset));
    assert_eq!(Brief::read("sea under a crescent moon").orb, Some(Orb::Crescent));
    assert_eq!(Brief::read("snowy village").weather, Weather::Snow);
    assert_eq!(Brief::read("street in the rain").weather, Weather::Rain);
    assert_eq!(Brief::read("poppies").bloom, Some(Bloom::Poppy));
    assert!(Brief::read("clean logo").sparse);
}

#[test]
fn a_colour_belongs_to_the_figure_if_there_is_one() {
    let red = Colour::hex(0xd9_3a2b);
    let with_fox = Brief::read("a red fox");
    assert!(with_fox.dye().is_some_and(|dye| dye.distance(red) < 0.001));
    let [zenith, ..] = with_fox.palette("a red fox").sky;
    assert!(Mood::ALL.iter().any(|mood| Palette::of(*mood).sky[0].distance(zenith) < 0.001));

    let [_, high, ..] = Brief::read("red").palette("red").sky;
    assert!((high.hue_degrees() - red.hue_degrees()).abs() < 15.0);
}

#[test]
fn prompts_without_a_known_word_reach_every_scene() {
    let reached: Vec<Scene> =
        (0..200).map(|number| Brief::read(&format!("unheard-of {number}")).scene).collect();
    for scene in Scene::ALL {
        assert!(reached.contains(&scene), "{scene:?}");
    }
}

#[test]
fn a_moon_is_put_where_it_can_be_seen() {
    for number in 0..50 {
        let brief = Brief::read(&format!("moon {number}"));
        assert!(Scene::UNDER_THE_SKY.contains(&brief.scene), "{number}");
    }
}
