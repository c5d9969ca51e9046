//! The filters: classes by the legend, misclassified points by their toggle and menu, and what
//! their counts say.

use crate::page::{Opening, Page};
use crate::program::{N_TEST, Place};
use crate::study::{RENDERERS, opened};
use std::collections::BTreeMap;

/// The first numbers of all legend entries.
fn shown(page: &Page) -> Vec<usize> {
    (0..10).map(|class| page.legend(class)[0]).collect()
}

#[test]
fn a_click_hides_and_a_double_click_isolates() {
    for renderer in RENDERERS {
        let Some((page, study)) = opened(&format!("?renderer={renderer}")) else { return };
        let totals: Vec<usize> = (0..10).map(|class| study.of_class(class).len()).collect();
        for (class, &total) in totals.iter().enumerate() {
            assert_eq!(page.legend(class), [total, total]);
        }
        let colors = page.class_colors();
        // A colour that no grey image has.
        let before = page.pixels_like(0, &colors[4]);
        page.toggle(4);
        assert_eq!(page.legend(4), [0, totals[4]]);
        assert_eq!(page.legend(3), [totals[3], totals[3]]);
        let hidden = page.pixels_like(0, &colors[4]);
        assert!(
            hidden < before / 4,
            "{renderer}: {before} pixels of the class before, {hidden} when it is hidden"
        );
        page.toggle(4);
        assert_eq!(page.pixels_like(0, &colors[4]), before);

        let only = |class: usize| {
            (0..10).map(|other| if other == class { totals[class] } else { 0 }).collect::<Vec<_>>()
        };
        page.click_times("#legend button[data-class='7']", 2);
        page.until("layerlens.store.get().off.size === 9");
        assert_eq!(shown(&page), only(7));
        let pressed = page.eval(
            "Array.from(document.querySelectorAll('#legend button[data-class]'), b => \
                b.ariaPressed === 'true')",
        );
        assert_eq!(pressed, serde_json::json!((0..10).map(|class| class == 7).collect::<Vec<_>>()));
        page.click_times("#legend button[data-class='2']", 2);
        page.until("!layerlens.store.get().off.has(2) && layerlens.store.get().off.size === 9");
        assert_eq!(shown(&page), only(2));
        page.click_times("#legend button[data-class='2']", 2);
        page.until("layerlens.store.get().off.size === 0");
        assert_eq!(shown(&page), totals);
    }
}

#[test]
fn misclassified_points_are_those_of_the_predictions() {
    let Some((page, study)) = opened("") else { return };
    let wrong = |class: Option<usize>| {
        (0..N_TEST).filter(move |&row| {
            class.is_none_or(|class| study.labels[row] == class) && study.is_wrong(row)
        })
    };
    assert!(wrong(None).count() > 5, "the network of the study errs");
    page.click("#wrong");
    page.until("document.querySelector('#wrong').ariaPressed === 'true'");
    for class in 0..10 {
        assert_eq!(
            page.legend(class),
            [wrong(Some(class)).count(), study.of_class(class).len()],
            "class {class}"
        );
    }

    let mut pairs = BTreeMap::new();
    wrong(None).for_each(|row| {
        *pairs.entry((study.labels[row], study.predictions[row])).or_insert(0) += 1
    });
    let options = page.eval("Array.from(document.querySelectorAll('#wrong-pairs option'), o => [o.value, o.textContent])");
    let options: Vec<(String, String)> = serde_json::from_value(options).unwrap();
    assert!(options[0].1.contains(&format!("({})", wrong(None).count())), "{}", options[0].1);
    assert_eq!(options.len(), pairs.len() + 1);
    let mut last = usize::MAX;
    for (value, text) in &options[1..] {
        let (truth, predicted) = value.split_once('-').unwrap();
        let pair = (truth.parse().unwrap(), predicted.parse().unwrap());
        let n = pairs[&pair];
        assert_eq!(*text, format!("{} → {} ({n})", study.classes[pair.0], study.classes[pair.1]));
        assert!(n <= last, "the most frequent first");
        last = n;
    }

    // The most frequent pair, chosen in the menu by the keyboard.
    page.eval("document.querySelector('#wrong-pairs').focus()");
    page.key("ArrowDown", 0);
    let (truth, predicted) = options[1].0.split_once('-').unwrap();
    page.until(&format!(
        "layerlens.store.get().wrong.truth === {truth} && layerlens.store.get().wrong.predicted \
         === {predicted}"
    ));
    let truth: usize = truth.parse().unwrap();
    let n = pairs[&(truth, predicted.parse().unwrap())];
    assert_eq!(
        shown(&page),
        (0..10).map(|class| if class == truth { n } else { 0 }).collect::<Vec<_>>()
    );
    page.click("#wrong");
    page.until("layerlens.store.get().wrong === null");
    assert_eq!(shown(&page).iter().sum::<usize>(), N_TEST);
}

/// 300 classes of one point, and of five where the number ends in 99. The legend begins with the
/// largest, says what it leaves out, and finds the others.
#[test]
fn many_classes_are_found_by_their_names() {
    let Some(usual) = Opening::usual("") else { return };
    let place = Place::new();
    let classes: Vec<usize> =
        (0..300).flat_map(|class| vec![class; if class % 100 == 99 { 5 } else { 1 }]).collect();
    place.points("map.npy", classes.len(), 2);
    let text: String = classes.iter().map(|class| format!("Name {class:03}\n")).collect();
    std::fs::write(place.path("names.csv"), format!("label\n{text}")).unwrap();
    place.succeed("report --embedding map.npy --labels names.csv --device cpu --out page.html");
    let page = usual.open(&place.path("page.html"));
    let listed = || {
        page.eval(
            "Array.from(document.querySelectorAll('#legend button[data-class]'), b => \
             +b.dataset.class)",
        )
    };
    let largest: Vec<usize> = [99, 199, 299].into_iter().chain(0..27).collect();
    assert_eq!(listed(), serde_json::json!(largest));
    assert_eq!(page.text("#legend .legend-rest"), "other: 270 classes, 270 points");
    assert_eq!(page.legend(199), [5, 5]);
    let search = |words: &str| {
        page.eval(&format!(
            "(i => {{ i.value = {words:?}; i.dispatchEvent(new Event('input')); }})\
             (document.querySelector('#legend .legend-search'))"
        ));
    };
    search("name 15");
    assert_eq!(listed(), serde_json::json!((150..160).collect::<Vec<usize>>()));
    assert!(page.eval("document.querySelector('#legend .legend-rest').hidden") == true);
    page.toggle(157);
    assert_eq!(page.legend(157), [0, 1]);
    page.until("layerlens.store.get().off.size === 1");
    search("nobody");
    assert_eq!(listed(), serde_json::json!([]));
    assert_eq!(page.text("#legend .legend-rest"), "No class is called so.");
    search("");
    assert_eq!(listed(), serde_json::json!(largest));
}

#[test]
fn few_classes_need_no_search() {
    let Some((page, _)) = opened("") else { return };
    assert_eq!(page.eval("document.querySelector('#legend .legend-search').hidden"), true);
    assert_eq!(page.eval("document.querySelectorAll('#legend button[data-class]').length"), 10);
}
