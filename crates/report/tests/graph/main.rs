//! Pictures of graphs: readable, valid, the same every time, and nothing in a label can steer them.

mod browser;
mod world;
mod xml;

use lockfast_report::graph::{Graph, dot, html, svg};
use std::collections::BTreeMap;
use xml::Element;

/// The boxes of a picture: left, top, width and height, in the order of the graph's nodes.
fn boxes(elements: &[Element]) -> Vec<[i64; 4]> {
    let mut found = Vec::new();
    let mut inside = false;
    for element in elements {
        match element.name.as_str() {
            "g" => inside = element.get("class").starts_with("node"),
            "rect" if inside => {
                found.push(["x", "y", "width", "height"].map(|name| element.number(name)));
            }
            _ => {}
        }
    }
    found
}

#[test]
fn dot_of_a_shop() {
    insta::assert_snapshot!(dot(&world::shop()));
}

#[test]
fn svg_of_a_shop() {
    let picture = svg(&world::shop());
    browser::file("shop.svg", &picture);
    insta::assert_snapshot!(picture);
}

#[test]
fn nothing_is_drawn_of_nothing() {
    let empty = Graph::default();
    assert_eq!(boxes(&xml::elements(&svg(&empty))).len(), 0);
    assert!(dot(&empty).ends_with("}\n"));
    assert!(html(&empty).contains("0 nodes in 0 groups, 0 lines"));
}

#[test]
fn the_same_graph_gives_the_same_bytes() {
    for graph in [world::shop(), world::hostile(), world::large()] {
        let again = graph.clone();
        assert_eq!(dot(&graph), dot(&again));
        assert_eq!(svg(&graph), svg(&again));
        assert_eq!(html(&graph), html(&again));
    }
}

#[test]
fn names_cannot_steer_a_picture() {
    let graph = world::hostile();
    let picture = svg(&graph);
    let elements = xml::elements(&picture);
    assert_eq!(boxes(&elements).len(), graph.nodes.len());
    for element in &elements {
        let known = ["svg", "title", "desc", "style", "rect", "text", "g", "path"];
        assert!(known.contains(&element.name.as_str()), "{element:?}");
        assert!(
            !element
                .attributes
                .iter()
                .any(|(name, _)| name.starts_with("on"))
        );
    }
    let hidden = |c: char| c.is_control() && c != '\n';
    let steering = |c: char| {
        hidden(c) || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}')
    };
    let page = html(&graph);
    let source = dot(&graph);
    for output in [&picture, &page, &source] {
        assert!(!output.contains(steering), "characters that nobody sees");
        assert!(
            !output.contains(&"x".repeat(700)),
            "there is an end to every name"
        );
        assert!(
            output.contains("(10000 characters)"),
            "what is cut off is said to be"
        );
    }
    // A page has what its template has, and no more of it than a page of nothing.
    let lower = page.to_lowercase();
    let nothing = html(&Graph::default()).to_lowercase();
    for injection in world::INJECTIONS {
        let count = |text: &str| text.matches(injection).count();
        assert_eq!(count(&lower), count(&nothing), "{injection}");
    }
    // Every string of Graphviz ends where it should.
    for line in source.lines() {
        let quotes = line
            .replace("\\\\", "")
            .replace("\\\"", "")
            .matches('"')
            .count();
        assert_eq!(quotes % 2, 0, "{line}");
        assert!(!line.replace("\\\\", "").contains("\\N"), "{line}");
    }
}

#[test]
fn the_data_of_a_page_is_what_the_graph_says() {
    let graph = world::hostile();
    let page = html(&graph);
    let (_, after) = page.split_once("id=\"graph-data\">").expect("data");
    let (json, _) = after.split_once("</script>").expect("its end");
    let data: serde_json::Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(data["nodes"][0]["l"], "</script><script>alert(1)</script>");
    assert_eq!(
        data["nodes"].as_array().map(Vec::len),
        Some(graph.nodes.len())
    );
    // One edge leads from nowhere, and that is said.
    assert_eq!(
        data["edges"].as_array().map(Vec::len),
        Some(graph.edges.len() - 1)
    );
    assert!(page.contains("1 line not drawn, for want of a node at one end."));
}

#[test]
fn a_large_graph_has_room_for_everything() {
    let graph = world::large();
    assert_eq!((graph.nodes.len(), graph.edges.len()), (500, 1500));
    let picture = svg(&graph);
    browser::file("large.svg", &picture);
    let elements = xml::elements(&picture);
    let boxes = boxes(&elements);
    assert_eq!(boxes.len(), 500);
    let frames = frames(&elements);
    assert_apart(&boxes);
    assert_apart(&frames);
    let root = &elements[0];
    let [.., width, height] = root
        .get("viewBox")
        .split(' ')
        .map(|n| n.parse::<i64>().expect("a number"))
        .collect::<Vec<_>>()[..]
    else {
        panic!("a viewBox");
    };
    for [x, y, w, h] in boxes.iter().chain(&frames) {
        assert!(*x >= 0 && *y >= 0 && x + w < width && y + h < height);
    }
    let page = html(&graph);
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}

/// The frames around groups.
fn frames(elements: &[Element]) -> Vec<[i64; 4]> {
    let mut found = Vec::new();
    for pair in elements.windows(3) {
        if pair[0].name == "g" && pair[0].get("class") == "group" {
            found.push(["x", "y", "width", "height"].map(|name| pair[2].number(name)));
        }
    }
    found
}

fn assert_apart(boxes: &[[i64; 4]]) {
    for (at, a) in boxes.iter().enumerate() {
        for b in &boxes[at + 1..] {
            let beside = a[0] + a[2] <= b[0] || b[0] + b[2] <= a[0];
            let above = a[1] + a[3] <= b[1] || b[1] + b[3] <= a[1];
            assert!(beside || above, "{a:?} and {b:?} overlap");
        }
    }
}

/// What the script drew: the classes of every box by its key, and where it is.
fn drawn(dom: &str) -> BTreeMap<String, (String, [i64; 4])> {
    let mut found = BTreeMap::new();
    for part in dom.split("<g class=\"item ").skip(1) {
        let attribute = |text: &str, name: &str| {
            let (_, after) = text
                .split_once(&format!(" {name}=\""))
                .expect("an attribute");
            after.split_once('"').expect("its end").0.to_owned()
        };
        let classes = part.split_once('"').expect("classes").0.to_owned();
        let (_, rect) = part.split_once("<rect").expect("a box");
        let area = ["x", "y", "width", "height"]
            .map(|name| attribute(rect, name).parse().expect("a whole number"));
        found.insert(attribute(part, "data-key"), (classes, area));
    }
    found
}

/// What an element says whose id is this.
fn content<'d>(dom: &'d str, id: &str) -> &'d str {
    let (_, after) = dom
        .split_once(&format!(" id=\"{id}\""))
        .expect("the element");
    let (_, after) = after.split_once('>').expect("its begin");
    after.split_once('<').expect("its end").0
}

#[test]
fn a_page_draws_what_the_picture_shows() {
    let Some(chromium) = browser::ready() else {
        return;
    };
    for (name, graph) in [
        ("shop", world::shop()),
        ("large", world::large()),
        ("empty", Graph::default()),
    ] {
        let file = browser::file(&format!("{name}.html"), &html(&graph));
        let dom = browser::dump(&chromium, &file, "expand");
        let said = format!("{} nodes in ", graph.nodes.len());
        assert!(content(&dom, "status").starts_with(&said), "{name}");
        let drawn = drawn(&dom);
        let boxes = boxes(&xml::elements(&svg(&graph)));
        for (id, area) in boxes.iter().enumerate() {
            assert_eq!(drawn[&format!("n{id}")].1, *area, "node {id} of {name}");
        }
    }
}

#[test]
fn a_large_page_begins_folded_and_finds() {
    let Some(chromium) = browser::ready() else {
        return;
    };
    let graph = world::large();
    let file = browser::file("large-folded.html", &html(&graph));
    let dom = browser::dump(&chromium, &file, "");
    let folded = drawn(&dom);
    assert!(folded.keys().all(|key| key.starts_with('g')), "groups only");
    assert_eq!(folded.len(), 35);
    assert_apart(&folded.values().map(|(_, area)| *area).collect::<Vec<_>>());
    assert!(content(&dom, "status").starts_with("500 nodes in 35 groups"));
    // Lines between the same two groups are one, which says how many it stands for.
    let mut merged: BTreeMap<_, usize> = BTreeMap::new();
    for edge in &graph.edges {
        let end = |id: usize| (graph.nodes[id].column, graph.nodes[id].group.as_str());
        *merged.entry((end(edge.from), end(edge.to))).or_default() += 1;
    }
    let (_, lines) = dom.split_once("<g id=\"lines\"").expect("lines");
    let (lines, _) = lines.split_once("<g id=\"boxes\"").expect("their end");
    let mut counts: Vec<usize> = lines
        .split("<title>")
        .skip(1)
        .map(|title| {
            title
                .split(' ')
                .next()
                .and_then(|n| n.parse().ok())
                .expect("a count")
        })
        .collect();
    counts.sort_unstable();
    let mut expected: Vec<usize> = merged.into_values().collect();
    expected.sort_unstable();
    assert_eq!(counts, expected);

    // Words of a label and of a group; both must be found.
    let dom = browser::dump(&chromium, &file, "search=ORDERS%20s3");
    let expected = graph
        .nodes
        .iter()
        .filter(|node| node.group == "S3" && node.label.contains("orders"))
        .count();
    assert_eq!(content(&dom, "status"), format!("{expected} hits"));
    let hits: Vec<String> = drawn(&dom)
        .into_values()
        .map(|(classes, _)| classes)
        .filter(|classes| classes.contains(" hit"))
        .collect();
    assert_eq!(hits.len(), 1, "the folded group they are in");

    // What is pinned is unfolded, and all that paths through it reach is lit.
    let dom = browser::dump(&chromium, &file, "pin=230");
    let pinned = drawn(&dom);
    assert!(pinned["n230"].0.contains("pinned"));
    let lit = reached(&graph, 230);
    for (key, (classes, _)) in &pinned {
        if let Some(id) = key.strip_prefix('n') {
            let id: usize = id.parse().expect("an id");
            assert_eq!(classes.contains(" lit"), lit.contains(&id), "{key}");
        }
    }
    assert!(
        dom.contains("<dt>Environment</dt>"),
        "the card tells the details"
    );
}

/// What paths through a node reach, in both directions, by a search of its own.
fn reached(graph: &Graph, start: usize) -> Vec<usize> {
    let mut found = vec![start];
    for forward in [true, false] {
        let mut todo = vec![start];
        while let Some(node) = todo.pop() {
            for edge in &graph.edges {
                let (a, b) = if forward {
                    (edge.from, edge.to)
                } else {
                    (edge.to, edge.from)
                };
                if a == node && !found.contains(&b) {
                    found.push(b);
                    todo.push(b);
                }
            }
        }
    }
    found
}

#[test]
fn names_cannot_steer_a_page() {
    let Some(chromium) = browser::ready() else {
        return;
    };
    let graph = world::hostile();
    let page = html(&graph);
    let file = browser::file("hostile.html", &page);
    let dom = browser::dump(
        &chromium,
        &file,
        "expand&search=%E0%A4%A&pin=__proto__&pin=0",
    );
    let drawn = drawn(&dom);
    assert_eq!(
        drawn.keys().filter(|key| key.starts_with('n')).count(),
        graph.nodes.len()
    );
    assert_eq!(
        dom.matches("<script").count(),
        2,
        "the data and the script of the page"
    );
    assert!(!dom.contains("<img") && !dom.contains("<svg onload"));
    // The browser's own reader of XML agrees that the picture is well-formed.
    let picture = browser::file("hostile.svg", &svg(&graph));
    let dom = browser::dump(&chromium, &picture, "");
    assert!(!dom.contains("parsererror"));
    assert_eq!(dom.matches("class=\"node bad\"").count(), graph.nodes.len());
}

/// Does what a person would, and notes what came of it.
const HANDS: &str = r"<script>
const notes = [];
window.addEventListener('error', (event) => notes.push(`error: ${event.message}`));
const byId = (id) => document.getElementById(id);
const pinned = () => document.querySelector('.pinned')?.dataset.key ?? 'none';
const note = (what) => notes.push(`${what}: ${byId('status').textContent}, ${pinned()} pinned`);
const press = (target, key, more) => target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }));
const type = (words) => { byId('search').value = words; byId('search').dispatchEvent(new Event('input')); };
type('Statement1'); note('typed');
press(byId('search'), 'Enter'); note('Enter');
press(byId('search'), 'Enter'); note('Enter');
press(byId('search'), 'Enter', { shiftKey: true }); note('Shift+Enter');
press(byId('search'), 'Enter', { shiftKey: true }); note('Shift+Enter');
press(byId('search'), 'Escape'); note('Escape');
const item = (key) => document.querySelector(`[data-key=${key}]`);
byId('collapse-all').click();
const before = document.querySelectorAll('.item').length;
item('g0').focus();
notes.push(`focus: ${byId('stage').classList.contains('following')}, ${byId('card').querySelector('h2').textContent}`);
press(item('g0'), 'Enter');
notes.push(`unfolded: ${document.querySelectorAll('.item').length - before} more, ${item('g0').getAttribute('aria-expanded')}, ${document.activeElement.dataset.key}`);
item('g0').dispatchEvent(new MouseEvent('click', { bubbles: true }));
notes.push(`folded: ${document.querySelectorAll('.item').length - before} more`);
const scale = () => Number(/scale\(([^)]+)\)/.exec(byId('world').style.transform)[1]);
const first = scale();
press(document.body, '+');
const nearer = scale();
byId('stage').dispatchEvent(new WheelEvent('wheel', { deltaY: 100, cancelable: true }));
notes.push(`zoomed: ${nearer > first}, ${scale() < nearer}`);
const node = document.querySelector('.item.node') ?? (item('g1').focus(), press(item('g1'), 'Enter'), document.querySelector('.item.node'));
node.dispatchEvent(new PointerEvent('pointermove', { bubbles: true }));
notes.push(`pointed: ${node.classList.contains('lit')}, ${node.dataset.key}`);
node.focus();
press(node, 'Enter'); note('pinned');
press(node, 'Enter'); note('let go');
document.body.dataset.notes = notes.join('|');
</script></body>";

#[test]
fn a_page_follows_hands() {
    let Some(chromium) = browser::ready() else {
        return;
    };
    let page = html(&world::large()).replace("</body>", HANDS);
    let dom = browser::dump(&chromium, &browser::file("hands.html", &page), "");
    let (_, notes) = dom.split_once("data-notes=\"").expect("notes");
    let notes: Vec<&str> = notes.split('"').next().unwrap_or("").split('|').collect();
    insta::assert_snapshot!(notes.join("\n"));
}

#[test]
fn a_page_asks_nobody_for_anything() {
    let page = html(&world::shop());
    assert!(page.contains("content=\"default-src 'none'; "));
    let names = page.matches("http://").count() + page.matches("https://").count();
    assert_eq!(names, page.matches("'http://www.w3.org/2000/svg'").count());
    for loading in [" src=", "<link", "@import", "url(", "fetch(", "import("] {
        assert!(!page.contains(loading), "{loading}");
    }
}
