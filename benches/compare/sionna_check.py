#!/usr/bin/env python3
"""MetaLoc's paths beside those of Sionna RT, in the same scenes. See README.md."""

import argparse
import cmath
import json
import math
import pathlib
import subprocess
import sys

from environment import ROOT, TARGET, built_example, python_with

WANTED = ["sionna-rt==2.2.0", "mitsuba==3.9.1", "drjit==1.5.0"]
SCENES = ["paper-hall", "paper-lab"]
LIGHT_M_PER_S = 299_792_458.0
REFLECTIONS = 2
# Paths this far below the strongest of their link are left out (dB).
DROP_BELOW_DB = 40.0
# The same path on both sides: its delay and where it reflects.
SAME_DELAY_S, SAME_PLACE_M = 0.05e-9, 0.02
# A path that comes closer to an edge touches it; Sionna counts in single precision.
EDGE_M = 1e-4
# What must hold for each type of path.
CLOSE_DB, LEAST_SHARE = 1.0, 0.95
# Sionna's short dipole is scaled to a mean of 1 over all directions, MetaLoc's to 1 at the horizon.
DIPOLE_GAIN = 1.5
# Places of the table that Sionna tells candidates apart by, and receivers at a time.
HASHES, RECEIVERS = 50_000_000, 10


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", default=",".join(SCENES),
                        help="which of scenarios/scenes, separated by commas (default: %(default)s)")
    parser.add_argument("--every", type=int, default=1, metavar="N",
                        help="only each Nth link (default: %(default)s)")
    parser.add_argument("--depth", type=int, default=5,
                        help="most reflections and transmissions of a path (default: %(default)s)")
    parser.add_argument("--samples", type=int, default=1_000_000,
                        help="rays that Sionna shoots from a transmitter (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write every pair of paths")
    parser.add_argument("--python", metavar="PATH",
                        help="a Python that has sionna-rt, instead of installing it under target/")
    parser.add_argument("--rust", metavar="PATH", help="our side, already built (the example "
                        "`traced_paths` of the crate metaloc), instead of building it")
    parser.add_argument("--sionna", metavar="TRACED", help=argparse.SUPPRESS)
    return parser.parse_args()


def cross(a, b):
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def unit(a):
    return [x / math.hypot(*a) for x in a]


def sionna_scene(faces, frequency_hz):
    """Sionna's scene of our faces, a mesh for each material and thickness; and the faces of each mesh."""
    import mitsuba as mi
    import sionna.rt as rt

    scene = rt.load_scene()
    scene.frequency = frequency_hz
    groups = {}
    for face in faces:
        groups.setdefault((face["material"], face["thickness_m"]), []).append(face)
    objects, of_object = [], {}
    for (material, thickness_m), group in groups.items():
        name = f"{material}-{1e3 * thickness_m:.0f}mm"
        itu = rt.ITURadioMaterial(name=f"of-{name}", itu_type=material.replace("-", "_"),
                                  thickness=thickness_m)
        mesh = mi.Mesh(name, vertex_count=4 * len(group), face_count=2 * len(group))
        corners, triangles = [], []
        for face in group:
            at, (u, v) = face["origin"], face["edges"]
            first = len(corners) // 3
            for s, t in [(0, 0), (1, 0), (1, 1), (0, 1)]:
                corners += [at[k] + s * u[k] + t * v[k] for k in range(3)]
            triangles += [first, first + 1, first + 2, first, first + 2, first + 3]
        parameters = mi.traverse(mesh)
        parameters["vertex_positions"] = mi.Float(corners)
        parameters["faces"] = mi.UInt(triangles)
        parameters.update()
        objects.append(rt.SceneObject(mi_mesh=mesh, name=name, radio_material=itu))
        of_object[name] = group
    scene.add(objects)
    for item in scene.objects.values():
        face, material = of_object[item.name][0], item.radio_material
        omega_epsilon = 2 * math.pi * frequency_hz * 8.854_187_812_8e-12
        theirs = [material.relative_permittivity[0], -material.conductivity[0] / omega_epsilon]
        if not all(math.isclose(a, b, rel_tol=1e-5) for a, b in zip(face["permittivity"], theirs)):
            sys.exit(f"permittivity of {item.name}: ours {face['permittivity']}, Sionna's {theirs}")
    scene.tx_array = scene.rx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="dipole",
                                                     polarization="V")
    by_id = {item.object_id: of_object[name] for name, item in scene.objects.items()}
    return scene, by_id


def sionna_side(options):
    """Prints the paths of each link of a file of ours, as Sionna finds them."""
    import numpy as np
    import sionna.rt as rt
    from sionna.rt.constants import InteractionType
    from sionna.rt.path_solvers.sb_candidate_generator import SBCandidateGenerator

    # A candidate that falls on another one's place is dropped: with the usual million places, those of
    # 7 % of the paths with 1 reflection in the hall.
    SBCandidateGenerator.MIN_SPEC_COUNT_SIZE = HASHES
    traced = json.loads(pathlib.Path(options.sionna).read_text())
    frequency_hz = traced["settings"]["frequency_hz"]
    wave_m = LIGHT_M_PER_S / frequency_hz
    scene, faces_of = sionna_scene(traced["faces"], frequency_hz)
    solver = rt.PathSolver()
    found = [None] * len(traced["links"])
    by_transmitter = {}
    for index, link in enumerate(traced["links"]):
        by_transmitter.setdefault(tuple(link["transmitter"]), []).append(index)
    scene.add(rt.Transmitter(name="transmitter", position=[0.0, 0.0, 0.0]))
    for transmitter, indices in by_transmitter.items():
        scene.get("transmitter").position = list(transmitter)
        for start in range(0, len(indices), RECEIVERS):
            batch = indices[start:start + RECEIVERS]
            for place, index in enumerate(batch):
                receiver = traced["links"][index]["receiver"]
                scene.add(rt.Receiver(name=f"receiver {place}", position=receiver))
            paths = solver(scene, max_depth=options.depth, samples_per_src=options.samples,
                           diffuse_reflection=False, refraction=True, diffraction=False)
            real, imaginary = (part.numpy()[:, 0, 0, 0] for part in paths.a)
            delays, types = paths.tau.numpy()[:, 0], paths.interactions.numpy()[:, :, 0]
            things, triangles = paths.objects.numpy()[:, :, 0], paths.primitives.numpy()[:, :, 0]
            vertices, valid = paths.vertices.numpy()[:, :, 0], paths.valid.numpy()[:, 0]
            for place, index in enumerate(batch):
                link = traced["links"][index]
                found[index] = []
                for path in np.flatnonzero(valid[place]):
                    n = int(np.count_nonzero(types[:, place, path]))
                    kinds = types[:n, place, path]
                    points = [link["transmitter"], *vertices[:n, place, path].tolist(), link["receiver"]]
                    gain = complex(real[place, path], imaginary[place, path])
                    gain *= 4 * math.pi / wave_m / DIPOLE_GAIN
                    # MetaLoc takes the way through air out of a transmission.
                    for k in np.flatnonzero(kinds == InteractionType.REFRACTION):
                        face = faces_of[int(things[k, place, path])][int(triangles[k, place, path]) // 2]
                        way = unit([b - a for a, b in zip(points[k], points[k + 2])])
                        cosine = abs(sum(a * b for a, b in zip(way, unit(cross(*face["edges"])))))
                        gain *= cmath.exp(2j * math.pi * face["thickness_m"] / wave_m * cosine)
                    mirrors = np.flatnonzero(kinds == InteractionType.SPECULAR)
                    found[index].append({
                        "gain": [gain.real, gain.imag], "delay_s": float(delays[place, path]),
                        "reflections": len(mirrors), "transmissions": n - len(mirrors),
                        "vertices": [points[0], *(points[k + 1] for k in mirrors), points[-1]]})
                scene.remove(f"receiver {place}")
    json.dump(found, sys.stdout)


def strength(path):
    return math.hypot(*path["gain"])


def type_of(path):
    n = path["reflections"]
    base = ["direct", "1 reflection", "2 reflections"][n]
    return base + (", through slabs" if path["transmissions"] else "")


def apart(a, b):
    """How far two paths are apart (m), infinite if they are not the same."""
    kind = ("reflections", "transmissions")
    if any(a[k] != b[k] for k in kind) or abs(a["delay_s"] - b["delay_s"]) > SAME_DELAY_S:
        return math.inf
    most = max(map(math.dist, a["vertices"], b["vertices"]))
    return most if most <= SAME_PLACE_M else math.inf


def compare_link(ours, theirs, depth):
    """Pairs of a link's paths, `None` for one that the other side lacks; and paths that are too deep."""
    kept = []
    for path in sorted(theirs, key=strength, reverse=True):
        # Sionna may find a path twice.
        if path["reflections"] <= REFLECTIONS and all(apart(path, k) == math.inf for k in kept):
            kept.append(path)
    least = max(map(strength, ours + kept), default=0.0) * 10 ** (-DROP_BELOW_DB / 20)
    matches = sorted((apart(a, b), i, j) for i, a in enumerate(ours) for j, b in enumerate(kept))
    partner, taken = {}, set()
    for distance, i, j in matches:
        if distance < math.inf and i not in partner and j not in taken:
            partner[i] = j
            taken.add(j)
    pairs = [(a, kept[partner[i]] if i in partner else None) for i, a in enumerate(ours)]
    pairs += [(None, b) for j, b in enumerate(kept) if j not in taken]
    pairs = [pair for pair in pairs if max(strength(p) for p in pair if p) >= least]
    deep = [a for a, b in pairs if a and not b and a["reflections"] + a["transmissions"] > depth]
    return [pair for pair in pairs if not any(pair[0] is a for a in deep)], deep


def distance(p, u, q, v):
    """Between the segments from `p` along `u` and from `q` along `v`."""
    def at(s, t):
        return math.dist([a + s * b for a, b in zip(p, u)], [a + t * b for a, b in zip(q, v)])

    def dot(a, b):
        return sum(x * y for x, y in zip(a, b))

    def share(x):
        return min(1.0, max(0.0, x))

    w, uu, vv, uv = [a - b for a, b in zip(p, q)], dot(u, u), dot(v, v), dot(u, v)
    ends = [at(s, share((dot(v, w) + s * uv) / vv)) for s in (0.0, 1.0)]
    ends += [at(share((t * uv - dot(u, w)) / uu), t) for t in (0.0, 1.0)]
    if (below := uu * vv - uv * uv) > 1e-12 * uu * vv:
        s = (uv * dot(v, w) - vv * dot(u, w)) / below
        t = (uu * dot(v, w) - uv * dot(u, w)) / below
        if 0.0 <= s <= 1.0 and 0.0 <= t <= 1.0:
            ends.append(at(s, t))
    return min(ends)


def meets_edge(path, faces):
    """Whether a path touches an edge of a face: what it meets there is a matter of rounding."""
    legs = [(a, [y - x for x, y in zip(a, b)]) for a, b in zip(path["vertices"], path["vertices"][1:])]
    for face in faces:
        at, (u, v) = face["origin"], face["edges"]
        far_u, far_v = ([x + y for x, y in zip(at, along)] for along in (u, v))
        for start, way in [(at, u), (at, v), (far_v, u), (far_u, v)]:
            if any(distance(*leg, start, way) < EDGE_M for leg in legs):
                return True
    return False


def difference_db(ours, theirs):
    return abs(20 * math.log10(strength(ours) / strength(theirs)))


def difference_deg(ours, theirs):
    return abs(math.degrees(cmath.phase(complex(*ours["gain"]) / complex(*theirs["gain"]))))


def quantile(sorted_, share):
    return sorted_[min(len(sorted_) - 1, math.ceil(share * len(sorted_)) - 1)]


def row(scene, type_, pairs, faces):
    """A line of the table, and whether it is as it must be."""
    def count(of):
        return f"{len(of)} ({len(of) - away_from_edges(of)})" if of else "0"

    def away_from_edges(of):
        return sum(not meets_edge(a or b, faces) for a, b in of)

    both = [pair for pair in pairs if None not in pair]
    only_ours, only_theirs = ([pair for pair in pairs if pair[k] is None] for k in (1, 0))
    far = [pair for pair in both if difference_db(*pair) > CLOSE_DB]
    gaps = sorted(difference_db(*pair) for pair in both)
    turns = sorted(difference_deg(*pair) for pair in both)
    # A type that is found mostly on one side does not agree either.
    is_good = away_from_edges(far) <= (1 - LEAST_SHARE) * len(both)
    is_good &= away_from_edges(only_ours + only_theirs) <= (1 - LEAST_SHARE) * len(pairs)
    numbers = "| | | |"
    if both:
        numbers = (f"| {quantile(gaps, 0.5):.4f} | {quantile(gaps, 0.95):.4f} | {gaps[-1]:.4f} "
                   f"| {quantile(turns, 0.95):.3f} |")
    return (f"| {scene} | {type_} | {len(both)} | {count(only_ours)} | {count(only_theirs)} "
            f"| {count(far)} {numbers}", is_good)


def main():
    options = arguments()
    if options.sionna:
        return sionna_side(options)
    rust, python = built_example(options.rust, "traced_paths"), python_with(options.python, "venv-sionna", "\n".join(WANTED), ["--quiet", *WANTED])
    TARGET.mkdir(parents=True, exist_ok=True)
    lines, all_pairs, is_good, notes = [], {}, True, []
    for scene in options.scenes.split(","):
        plan = ROOT / "scenarios/scenes" / f"{scene}.toml"
        printed = subprocess.run([rust, plan, str(REFLECTIONS), "none"], check=True, stdout=subprocess.PIPE)
        traced = json.loads(printed.stdout)
        traced["links"] = traced["links"][::options.every]
        file = TARGET / f"traced-{scene}.json"
        file.write_text(json.dumps(traced))
        command = [python, pathlib.Path(__file__), "--sionna", file, "--depth", str(options.depth),
                   "--samples", str(options.samples)]
        theirs = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        pairs, deep = [], 0
        for link, found in zip(traced["links"], theirs):
            of_link, too_deep = compare_link(link["paths"], found, options.depth)
            pairs += of_link
            deep += len(too_deep)
        all_pairs[scene] = pairs
        types = sorted({type_of(a or b) for a, b in pairs}, key=lambda t: (t[0] != "d", t))
        for type_ in types:
            of_type = [pair for pair in pairs if type_of(pair[0] or pair[1]) == type_]
            line, good = row(scene, type_, of_type, traced["faces"])
            lines.append(line)
            is_good &= good
        notes.append(f"{scene}: {len(traced['faces'])} faces, {len(traced['links'])} links, {deep} of our "
                     f"paths meet more than {options.depth} faces and are left out")
    print(f"| scene | paths | both | only MetaLoc | only Sionna | over {CLOSE_DB:.0f} dB apart "
          "| median (dB) | 95 % (dB) | most (dB) | phase, 95 % (deg) |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    print("\n".join([*lines, "", *notes]))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(all_pairs) + "\n")
    if not is_good:
        sys.exit(f"away from edges, a type of path has fewer than {100 * LEAST_SHARE:.0f} % in common, or of "
                 f"these within {CLOSE_DB:.0f} dB")
    return None


if __name__ == "__main__":
    main()
