//! Similarity of layers: CKA, Procrustes and the overlap of neighbours.

use super::*;

#[test]
fn layers_are_as_similar_as_the_papers_formulas_say() {
    let digits = Digits::new();
    for device in devices() {
        let compared = |rows: &[usize]| {
            let [x, b] = digits
                .layers
                .each_ref()
                .map(|layer| ComparedLayer::new(&device, layer.select(rows), &Silent).unwrap());
            x.compared(&device, &b).unwrap()
        };
        let all: Vec<usize> = (0..digits.labels.len()).collect();
        let whole = compared(&all);
        let few = compared(&all[..100]);
        close("CKA", whole.biased_cka, 0.738154534, 1e-6);
        close("debiased CKA", whole.cka.unwrap(), 0.736761792, 1e-6);
        close("CKA of 100 rows", few.biased_cka, 0.759352742, 1e-6);
        close("debiased CKA of 100 rows", few.cka.unwrap(), 0.740129190, 1e-6);
        close("Procrustes", whole.procrustes.unwrap(), 0.492623701, 1e-6);
        // Of the neighbours in both, by brute force.
        let [a, b] = [digits.neighbors(0, 10), digits.neighbors(1, 10)];
        let overlap = |row: usize| {
            let both = a.neighbors(row).iter().filter(|at| b.neighbors(row).contains(at)).count();
            both as f64 / (20 - both) as f64
        };
        let mean = all.iter().map(|&row| overlap(row)).sum::<f64>() / all.len() as f64;
        close("overlap", whole.neighbor_overlap, mean, 1e-12);
    }
}

#[test]
fn the_same_points_are_compared_in_every_run() {
    assert_eq!(compared_rows(20), (0..20).collect::<Vec<_>>());
    let rows = compared_rows(20_000);
    assert!(rows.len() == 5000 && rows.is_sorted_by(|a, b| a < b) && rows[4999] < 20_000);
    let digits = Digits::new();
    let layers = [("X", &digits.layers[0]), ("B", &digits.layers[1])];
    let found = Similarities::of(&cpu(), &layers, &Silent).unwrap();
    assert_eq!(found.n_points, 1797);
    close("CKA", found.between("X", "B").unwrap().cka.unwrap(), 0.736761792, 1e-6);
    assert_eq!(found.between("X", "X").unwrap().cka, Some(1.0));
    assert!(found.between("X", "C").is_none());

    // Points on a line, of which the correction leaves nothing, are no layer of CKA NaN.
    let line = |n: u16| {
        let values = (0..n).map(|at| f32::from(at % 2)).collect();
        Matrix::new(values, usize::from(n), 1).unwrap()
    };
    let found = Similarities::of(&cpu(), &[("a", &line(4)), ("b", &line(4))], &Silent).unwrap();
    let pair = found.between("a", "b").unwrap();
    assert!(pair.cka.is_none_or(f64::is_finite) && pair.biased_cka > 0.999, "{pair:?}");
}
