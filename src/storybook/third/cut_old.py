import sys, glob, os
sys.path.insert(0, '.'); sys.argv = ['x']
import importlib.util
spec = importlib.util.spec_from_file_location('clean', 'clean_books.py'); c = importlib.util.module_from_spec(spec); spec.loader.exec_module(c)
S = 'stories'; OUT = 'old-cut'
held_files = sorted(glob.glob(f'{S}/valid/*.txt')) + sorted(glob.glob('compare/*.txt'))
print(len(held_files))
texts = [open(f).read() for f in held_files]
held = [set().union(*[c.runs(t, m) for t in texts]) for m in (0, 1, 2)]
tot = [0, 0, 0, 0]
for f in sorted(glob.glob(f'{S}/train/*.txt') + glob.glob(f'{S}/extra/*.txt')):
    text = open(f).read(); paras = text.rstrip('\n').split('\n\n'); cut = r0 = rounds = 0
    while True:
        bad = set()
        for m in (0, 1, 2):
            x, k = c.hits(paras, held[m], m); bad |= x
            if m == 0 and rounds == 0: r0 = k
        if not bad: break
        cut += len(bad); paras = [p for i, p in enumerate(paras) if i not in bad]; rounds += 1
    new = '\n\n'.join(paras) + '\n' if cut else text
    lost = len(text) - len(new)
    open(f'{OUT}/{os.path.basename(f)}', 'w').write(new)
    tot[0] += r0; tot[1] += cut; tot[2] += lost; tot[3] += bool(cut)
    if lost > 0.02 * len(text): print(os.path.basename(f), r0, cut, lost, round(lost / len(text), 4))
print('runs, paragraphs, bytes, files:', tot)
