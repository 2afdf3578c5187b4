"""Makes the fixtures of the tests of metrics: a small synthetic data set in COCO's formats with the
results of pycocotools, and reference values of NumPy and SciPy for the other metrics.

    python make_metrics_fixtures.py ../Fixtures
"""
import contextlib, io, json, sys
import numpy as np
from scipy import stats
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

rng = np.random.default_rng(4)
out = sys.argv[1]
SIGMAS = np.array([.26, .25, .25, .35, .35, .79, .79, .72, .72, .62, .62, 1.07, 1.07, .87, .87,
                   .89, .89]) / 10


def annotation(number, image, size, crowd=0, labelled=True):
    """A person of about size² square pixels."""
    x, y = rng.uniform(0, 300, 2).round(1)
    points = np.stack([x + rng.uniform(0, size, 17), y + rng.uniform(0, size * 1.5, 17)], 1).round(1)
    visible = rng.choice([0, 1, 2], 17, p=[.25, .15, .6]) if labelled else np.zeros(17, int)
    points[visible == 0] = 0
    keypoints = [v for p, s in zip(points.tolist(), visible.tolist()) for v in (*p, s)]
    return dict(id=number, image_id=image, category_id=1, iscrowd=crowd, keypoints=keypoints,
                num_keypoints=int((visible > 0).sum()), area=round(size * size * rng.uniform(.6, 1.2), 2),
                bbox=[x, y, round(float(size), 1), round(size * 1.5, 1)])


def detection(a, noise, score, boxed):
    """A detection near an annotation, noise in units of its size and of each joint's σ."""
    k = np.array(a["keypoints"]).reshape(17, 3)
    where = k[:, :2].copy()
    lost = k[:, 2] == 0
    where[lost] = np.array(a["bbox"][:2]) + rng.uniform(0, 1, (lost.sum(), 2)) * a["bbox"][2:]
    where += rng.normal(size=(17, 2)) * noise * 2 * SIGMAS[:, None] * np.sqrt(a["area"])
    points = np.concatenate([where.round(1), rng.uniform(0, 1, (17, 1)).round(1)], 1)
    d = dict(image_id=a["image_id"], category_id=1, keypoints=points.reshape(-1).tolist(), score=score)
    if boxed:
        d["bbox"] = [round(v * rng.uniform(.8, 1.3), 1) for v in a["bbox"]]
    return d


images = [900, 12, 7, 33, 51, 4, 88, 64]          # 4 has no annotation, 88 no detection, 64 nothing
annotations = []
for image, count in [(900, 3), (12, 2), (7, 3), (33, 2), (51, 3), (88, 2)]:
    for index in range(count):
        size = [25, 60, 90, 150][int(rng.integers(4))]
        annotations.append(annotation(
            len(annotations), image, size,                       # the first has the id 0
            crowd=int(image in (7, 51) and index == 0), labelled=not (image in (900, 51) and index == 1)))
annotations[3]["area"], annotations[4]["area"] = 1024, 9216      # borders of the ranges of areas
annotations[12]["bbox"] = [0, 0, 0, 0]
annotations.append(dict(annotations[2], id=len(annotations)))    # as similar as another one
stray = dict(annotations[0], id=500, image_id=77777)             # in an image that is not listed
other = dict(annotations[0], id=501, category_id=2)              # of another category
truth = dict(info={}, images=[dict(id=i, width=640, height=480) for i in images + [12]],
             categories=[dict(id=1, name="person")], annotations=annotations + [stray, other])


def detections(boxed):
    found = []
    for a in annotations:
        if a["image_id"] == 88:
            continue
        for noise in rng.choice([.1, .4, .8, 1.5, 4], int(rng.integers(1, 4))):
            found.append(detection(a, noise, round(float(rng.choice([.2, .5, .9, .9, rng.uniform()])), 3), boxed))
    for _ in range(24 if boxed else 22):                          # more than 20 in one image
        found.append(detection(annotations[int(rng.integers(3, 5))], rng.choice([.3, 1, 2]),
                               round(float(rng.uniform()), 1), boxed))
    false = dict(annotations[1], image_id=4)
    found += [detection(false, 2, s, boxed) for s in (.9, .3)]
    found.append(dict(found[0], category_id=2, score=1.0))        # of another category
    exact = annotations[7]
    found.append(dict(image_id=exact["image_id"], category_id=1, score=.77, keypoints=exact["keypoints"],
                      **(dict(bbox=exact["bbox"]) if boxed else {})))
    order = rng.permutation(len(found))
    return [found[i] for i in order]


def evaluate(found):
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = json.loads(json.dumps(truth))
        coco.createIndex()
        e = COCOeval(coco, coco.loadRes(json.loads(json.dumps(found))), "keypoints")
        e.evaluate(), e.accumulate(), e.summarize()
    names = "AP AP50 AP75 APM APL AR AR50 AR75 ARM ARL".split()
    precision = e.eval["precision"][:, :, 0, :, 0]
    # A curve of precision falls in few steps: [value, how often] for each threshold and range.
    runs = [[[[v, int(n)] for v, n in zip(*run_lengths(precision[t, :, a]))] for a in range(3)]
            for t in range(10)]
    oks = {str(i): np.asarray(v).tolist() for (i, _), v in e.ious.items() if len(v)}
    # Matches by annotation id at 0.5, all areas, in the order of each image's ranked detections.
    matches = {str(r["image_id"]): r["dtMatches"][0].astype(int).tolist()
               for r in e.evalImgs[:len(e.params.imgIds)] if r is not None}
    return dict(scores=dict(zip(names, e.stats.tolist())), precision=runs,
                recall=e.eval["recall"][:, 0, :, 0].tolist(), oks=oks, matches=matches)


def run_lengths(curve):
    starts = np.flatnonzero(np.r_[True, curve[1:] != curve[:-1]])
    return curve[starts].tolist(), np.diff(np.r_[starts, len(curve)])


def write(name, value):
    with open(f"{out}/{name}", "w") as f:
        json.dump(value, f, separators=(",", ":"))


boxed, plain = detections(True), detections(False)
write("coco_annotations.json", truth)
write("coco_detections_boxes.json", boxed)
write("coco_detections_plain.json", plain)
write("coco_expected.json", dict(boxes=evaluate(boxed), plain=evaluate(plain), one=evaluate(plain[:1])))


# --- Alignment, as in VideoPose3D's loss functions, in NumPy's own decomposition -------------------
def procrustes(p, g):
    a, b = p - p.mean(0), g - g.mean(0)
    u, s, vt = np.linalg.svd(b.T @ a)
    d = np.ones(len(s))
    d[-1] = np.sign(np.linalg.det(u @ vt))
    scale = (s * d).sum() / (a ** 2).sum()
    return np.linalg.norm(scale * a @ (u @ np.diag(d) @ vt).T - b, axis=1)


cases = []
for dimension in (2, 3):
    for kind in ("plain", "reflected", "scaled", "flat", "line", "tiny", "huge"):
        g = rng.normal(size=(9, dimension))
        q, _ = np.linalg.qr(rng.normal(size=(dimension, dimension)))
        p = (g + .2 * rng.normal(size=g.shape)) @ q
        if kind == "reflected":
            p[:, 0] = -p[:, 0]
        if kind == "scaled":
            p = p * 40 + 7
        if kind == "flat":
            p[:, -1] = 0
        if kind == "line":
            p = np.outer(p[:, 0], q[0])
        if kind == "tiny":
            p, g = p * 1e-9, g * 1e-9
        if kind == "huge":
            p, g = p * 1e7, g * 1e7
        scale = (p * g).sum() / (p * p).sum()
        cases.append(dict(kind=kind, dimension=dimension, p=p.tolist(), g=g.tolist(),
                          plain=np.linalg.norm(p - g, axis=1).tolist(),
                          root=np.linalg.norm(p - p[0] - g + g[0], axis=1).tolist(),
                          scale=np.linalg.norm(scale * p - g, axis=1).tolist(),
                          similarity=procrustes(p, g).tolist()))

# --- PCKh by HRNet's formula -----------------------------------------------------------------------
n, joints = 12, 16
target = rng.uniform(0, 100, (n, joints, 2)).round(2)
predicted = (target + rng.normal(size=target.shape) * 12).round(2)
visible = (rng.uniform(size=(n, joints)) < .8).astype(int)
boxes = np.concatenate([rng.uniform(0, 50, (n, 2)), rng.uniform(60, 90, (n, 2))], 1).round(1)
head = .6 * np.linalg.norm(boxes[:, 2:] - boxes[:, :2], axis=1)
error = np.linalg.norm(predicted - target, axis=2) / head[:, None]
counted = visible.copy()
counted[:, 6:8] = 0


def pckh(limit):
    hits = (error <= limit) * visible
    return dict(limit=limit, joints=(hits.sum(0) / visible.sum(0)).tolist(),
                mean=float((hits * counted).sum() / counted.sum()))


pck = dict(predicted=predicted.tolist(), target=target.tolist(), visible=visible.tolist(),
           boxes=boxes.tolist(), counts=visible.sum(0).tolist(),
           expected=[pckh(t) for t in (.1, .3, .5)],
           area=float(np.mean([pckh(t)["mean"] for t in np.linspace(0, .5, 11)])))

# --- Correlations, energy score --------------------------------------------------------------------
x = rng.normal(size=60)
y = .6 * x + rng.normal(size=60)
coarse_x, coarse_y = (x * 2).round(), (y * 2).round()
correlation = dict(
    x=x.tolist(), y=y.tolist(), coarseX=coarse_x.tolist(), coarseY=coarse_y.tolist(),
    pearson=stats.pearsonr(x, y)[0], spearman=stats.spearmanr(x, y)[0],
    coarsePearson=stats.pearsonr(coarse_x, coarse_y)[0],
    coarseSpearman=stats.spearmanr(coarse_x, coarse_y)[0], ranks=stats.rankdata(coarse_x).tolist())
samples = rng.normal(size=(7, 2, 3, 2))
label = rng.normal(size=(2, 3, 2))
pairs = np.linalg.norm(samples[:, None] - samples[None], axis=-1).sum((0, 1)) / (7 * 6)
energy = dict(samples=samples.tolist(), label=label.tolist(),
              expected=(np.linalg.norm(samples - label, axis=-1).mean(0) - pairs / 2).tolist())
confidence = rng.uniform(size=200)
outcome = (rng.uniform(size=200) < confidence ** 1.5).astype(float)
index = np.minimum((confidence * 10).astype(int), 9)
ece = sum(abs(outcome[index == b].sum() - confidence[index == b].sum()) for b in range(10)) / 200
write("metrics_expected.json", dict(
    alignment=cases, pck=pck, correlation=correlation, energy=energy,
    reliability=dict(confidence=confidence.tolist(), outcome=outcome.tolist(), error=ece)))
