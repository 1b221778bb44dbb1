#!/usr/bin/env python3
"""Clean Project Gutenberg children's books into the style of data/stories/train.

ASCII, a paragraph a line, a blank line between, verse keeps its lines (flush
left), headings, front and back matter, notes and illustrations removed.
Standard library only.  See the bottom for the stages.
"""
import collections, glob, os, re, shutil, subprocess, sys, time, unicodedata

BASE = 'books'
MIRROR = 'repositories'
SHARED = 'stories'
COMPARE = {957, 3027, 14814, 14837, 15528, 18662, 19381, 21845}
MINSIZE = 8000
TAILCUT = {20366: 'Six entrancing Booklets'}       # advertisement no rule finds

# ------------------------------------------------------------------ reading

def gitdir(name):
    for d in (f'{MIRROR}/GITenberg+{name}/repo/.git', f'{MIRROR}/GITenberg+{name}/repo'):
        if os.path.exists(d + '/HEAD') and os.path.isdir(d + '/objects'):
            return d
    return None

def git(d, *a):
    r = subprocess.run(['git', '--git-dir=' + d] + list(a), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    return r.stdout if r.returncode == 0 else None

def decode(raw, prefer):
    if raw[:3] == b'\xef\xbb\xbf':
        raw = raw[3:]
    if prefer == 'utf-8':
        try:
            return raw.decode('utf-8')
        except UnicodeDecodeError:
            pass
    elif prefer == 'latin':
        # a -8 file that is valid multi-byte utf-8 is utf-8
        try:
            s = raw.decode('utf-8')
            if any(ord(c) > 127 for c in s):
                return s
        except UnicodeDecodeError:
            pass
    try:
        return raw.decode('cp1252')
    except UnicodeDecodeError:
        return raw.decode('latin-1')

def pick(d, num):
    out = git(d, 'ls-tree', '-r', '-z', '--name-only', 'HEAD')
    if out is None:
        return None, 'no HEAD tree'
    files = [f for f in out.decode('utf-8', 'replace').split('\0') if f]
    txt = [f for f in files if f.lower().endswith('.txt')]
    base = lambda f: f.rsplit('/', 1)[-1].lower()
    cands = []
    for want, enc in ((f'{num}-0.txt', 'utf-8'), (f'{num}-8.txt', 'latin'), (f'{num}.txt', 'utf-8')):
        m = sorted([f for f in txt if base(f) == want], key=lambda f: (f.count('/'), f))
        cands += [(f, enc) for f in m]
    rest = [f for f in txt if f not in [c[0] for c in cands]
            and not re.search(r'licen|readme|contribut|robots|requirements', f, re.I)]
    rest.sort(key=lambda f: (f.count('/'), -len(f), f))
    cands += [(f, 'utf-8') for f in reversed(sorted(rest))]
    cands += [(f, 'htm') for f in files if re.search(r'%d-h\.html?$' % num, f)]
    for f, enc in cands:
        raw = git(d, 'show', 'HEAD:' + f)
        if raw and len(raw) > 6000:
            if enc == 'htm':
                return (f, unhtml(decode(raw, 'utf-8'))), None
            return (f, decode(raw, enc)), None
    return None, 'no usable text file (' + ' '.join(files[:6]) + ')'

def unhtml(s):
    import html
    s = re.sub(r'(?is)<(script|style|head|title)\b.*?</\1>', ' ', s)
    s = re.sub(r'\s*\n\s*', ' ', s)
    s = re.sub(r'(?i)<br\s*/?>', '\n', s)
    s = re.sub(r'(?i)</?(p|div|h\d|li|tr|table|hr|blockquote|ul)\b[^>]*>', '\n\n', s)
    s = re.sub(r'<[^>]+>', '', s)
    return html.unescape(s)

def metadata(d, text):
    y = (git(d, 'show', 'HEAD:metadata.yaml') or b'').decode('utf-8', 'replace')
    title = author = ''
    m = re.search(r'^title: *(.*(?:\n  +.*)*)', y, re.M)
    if m:
        title = re.sub(r'\s+', ' ', m.group(1)).strip()
        if title[:1] in '\'"' and title[-1:] == title[:1]:
            q = title[0]
            title = title[1:-1].replace("''", "'") if q == "'" else title[1:-1]
            title = re.sub(r'\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})',
                           lambda k: chr(int(k.group(1) or k.group(2), 16)), title)
            title = re.sub(r'\\([nr])', ' ', title).replace('\\', '')
    m = re.search(r'^creator:\n((?:[ -].*\n)*)', y, re.M)
    names = []
    if m:
        blk = m.group(1)
        for a in re.finditer(r'agent_name: *(.*(?:\n {6,}[^\s:]+[^:\n]*$)*)', blk, re.M):
            n = re.sub(r'\s+', ' ', a.group(1)).strip().strip('\'"')
            n = re.sub(r'\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})',
                       lambda k: chr(int(k.group(1) or k.group(2), 16)), n)
            tail = blk[a.end():]
            nxt = tail.find('agent_name')
            dd = re.search(r'deathdate: *(\d+)', tail[:nxt] if nxt >= 0 else tail)
            names.append(n + (f' (d. {dd.group(1)})' if dd else ''))
    author = '; '.join(names)
    head = text[:6000]
    if not title:
        m = re.search(r'^\s*Title:\s*(.+)', head, re.M)
        if m:
            title = m.group(1).strip()
    if not title:
        m = re.search(r'Project Gutenberg(?:\'s)?\s+(?:E-?(?:text|book) (?:of )?)?,?\s*(.+?)(?:, by (.+))?\n', head, re.I)
        if m:
            title = m.group(1).strip()
    if not author:
        m = re.search(r'^\s*Author:\s*(.+)', head, re.M)
        author = m.group(1).strip() if m else ''
    if title[:1] == "'" and title[-1:] != "'":
        title = title[1:].replace("''", "'")
    t = lambda s: re.sub(r'\s+', ' ', re.sub(r'[^\x20-\x7e]', '', to_ascii(s))).strip()
    title = re.sub(r'\s*\$[a-z]\s*', ': ', title)
    return t(title).replace('&amp;', '&'), t(author)

# -------------------------------------------------------------- characters

CH = {
    '\u2018': "'", '\u2019': "'", '\u201a': "'", '\u201b': "'", '\u2032': "'", '\u00b4': "'",
    '\u2039': "'", '\u203a': "'", '\u02bc': "'", '\u02bb': "'", '\u201c': '"', '\u201d': '"',
    '\u201e': '"', '\u201f': '"', '\u2033': '"', '\u00ab': '"', '\u00bb': '"',
    '\u2014': '--', '\u2015': '--', '\u2e3a': '----', '\u2013': '--', '\u2012': '-',
    '\u2010': '-', '\u2011': '-', '\u2212': '-', '\u00ad': '', '\u2026': '...', '\u00a0': ' ',
    '\u2009': ' ', '\u2002': ' ', '\u2003': '  ', '\u200a': ' ', '\u200b': '', '\ufeff': '', '\u202f': ' ',
    '\u00c6': 'AE', '\u00e6': 'ae', '\u0152': 'OE', '\u0153': 'oe', '\u00df': 'ss', '\u00d8': 'O',
    '\u00f8': 'o', '\u0141': 'L', '\u0142': 'l', '\u0110': 'D', '\u0111': 'd', '\u00d0': 'D', '\u00f0': 'd',
    '\u00de': 'Th', '\u00fe': 'th', '\u0131': 'i', '\u00bd': ' 1/2', '\u00bc': ' 1/4', '\u00be': ' 3/4',
    '\u2153': ' 1/3', '\u2154': ' 2/3', '\u00b0': ' degrees', '\u00d7': 'x', '\u00a7': 'Section ',
    '\u00b7': '.', '\u2022': '', '\u00b6': '', '\u2020': '', '\u2021': '', '\u00a9': '', '\u00ae': '',
    '\u2122': '', '\u00a2': ' cents', '\u00bf': '', '\u00a1': '', '\u2044': '/', '\u00b9': '', '\u00b2': '', '\u00b3': '',
    '\u00b1': '+', '\x0c': '\n',
}
TR = {ord(k): v for k, v in CH.items()}
for c in '\u2070\u2074\u2075\u2076\u2077\u2078\u2079':
    TR[ord(c)] = ''

def to_ascii(s):
    s = re.sub(r'(\d)\u2013(?=\d)', r'\1-', s)
    s = re.sub('\u00a3 ?(\\d[\\d,.]*\\d|\\d)', lambda m: m.group(1) + ' pounds', s).replace('\u00a3', '')
    s = s.translate(TR)
    if any(ord(c) > 127 for c in s):
        s = ''.join(c for c in unicodedata.normalize('NFKD', s) if not unicodedata.combining(c))
        s = s.translate(TR)
    return s          # foreign scripts stay; such paragraphs are handled later

BR = [(r'\[(oe|OE|Oe|ae|AE|Ae)\]', r'\1'),
      (r'\[[=)(:.,^~`\'"/v-]([A-Za-z])\]', r'\1'), (r'\[([A-Za-z])[=)(:.,^~`\'"/-]\]', r'\1'),
      (r'\[(?:ae|oe)\]', ''), (r'\[\^([a-z])\]', r'\1')]

# ------------------------------------------------------------ header, footer

def strip_pg(t):
    t = t.replace('\r\n', '\n').replace('\r', '\n').replace('\t', '    ')
    n = len(t)
    start = 0
    for m in re.finditer(r'^.{0,6}\*\*\*? ?START OF (?:THE|THIS) PROJECT GUTENBERG[^*]{0,400}\*\*\*.*\n', t, re.M | re.I):
        if m.start() < max(n * .5, 20000):
            start = m.end()
    if not start:
        for m in re.finditer(r'\*END[ *]{0,3}(?:THE )?SMALL PRINT.*\n(?:.*\*END\*.*\n)?', t):
            if m.start() < max(n * .5, 30000):
                start = max(start, m.end())
        # some begin *END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*
        for m in re.finditer(r'^.*\*END\*.*\n', t, re.M):
            if m.start() < max(n * .5, 30000):
                start = max(start, m.end())
    else:   # small print inside the markers
        for m in re.finditer(r'^.*(?:\*END\*|END\*? ?THE SMALL PRINT).*\n', t[:start + 25000], re.M):
            if m.start() >= start:
                start = m.end()
    t = t[start:]
    n = len(t)
    ends = [m.start() for m in re.finditer(
        r'^[^\n]{0,8}\*\*\*? ?END OF (?:THE|THIS) PROJECT GUTENBERG|^[ *]*End of (?:the |this )?Project Gutenberg|'
        r'^[ *]*End of (?:the )?E-?text|^[ *]*(?:This file should be named|\*+ ?This file should)|'
        r'^[ *]*The Project Gutenberg E-?(?:book|text) of .{0,80}\n?.{0,60}End', t, re.M | re.I)]
    ends = [e for e in ends if e > min(n * .3, 1500)]
    if ends:
        t = t[:min(ends)]
    return t

# ----------------------------------------------------------------- brackets

NOTE = re.compile(r'\s*(?:illustrat|footnote|transcrib|sidenote|side ?note|music|pg\b|page|p\. ?\d|note|tn\b|'
                  r'ed\.|editor|greek|hebrew|decoration|frontispiece|image|picture|drawing|map|plate|'
                  r'blank|end of|fn|sheet|symbol|signature|device|logo|cover|title|fac-?simile|handwrit|'
                  r'sic\b|inscription|reprinted|copyright|\*|\d+\s*$|[A-Z]\s*$|see\b|from\b|the following|this\b|_|start|color|caption)', re.I)

def brackets(t, stat):
    """Remove [..] (nested, over lines); long unknown ones lose only the signs."""
    t = re.sub(r'\[(?=[^\[\]]*$)', '', t) if t.count('[') > t.count(']') and False else t
    out, i, n = [], 0, len(t)
    while i < n:
        j = t.find('[', i)
        if j < 0:
            out.append(t[i:].replace(']', ''))
            break
        out.append(t[i:j].replace(']', ''))
        depth, k = 0, j
        lim = min(n, j + 6000)
        while k < lim:
            c = t[k]
            if c == '[':
                depth += 1
            elif c == ']':
                depth -= 1
                if depth == 0:
                    break
            k += 1
        inner = t[j + 1:k]
        known = NOTE.match(inner)
        if k >= lim:          # never closed
            if known and not re.match(r'\s*[_*\dA-Z]\s', inner):   # to the end of the paragraph
                e = t.find('\n\n', j)
                i = e if 0 <= e < j + 1500 else j + 1
            else:
                i = j + 1
            continue
        paras = len(re.findall(r'\n\s*\n', inner))
        big = 6000 if re.match(r'\s*(illus|foot|trans|music|side)', inner, re.I) else 900
        if (known and len(inner) < big and paras < 40) or (len(inner) < 320 and paras < 2):
            stat['brackets'] += 1
            # keep a paragraph break the bracket stood on
            i = k + 1
            if i < n and t[i] not in '\n' and out and out[-1].endswith('\n'):
                while i < n and t[i] == ' ':
                    i += 1
        else:
            out.append(inner.replace('[', '').replace(']', ''))
            i = k + 1
    return ''.join(out)

# -------------------------------------------------------------- paragraphs

class P:
    __slots__ = ('lines', 'gap', 'ind', 'text', 'verse', 'kind', 'norm', 'pos')

def blocks(t):
    """[(gap, raw lines)]"""
    res, cur, gap = [], [], 9
    for l in t.split('\n'):
        if l.strip():
            cur.append(l.rstrip())
        else:
            if cur:
                res.append((gap, cur))
                cur, gap = [], 0
            gap += 1
    if cur:
        res.append((gap, cur))
    return res

MARK = [(r'<(?:/?(?:i|b|em|strong|sc|small|big|u|sup|sub|p|br|center|g|f|tb|poem|span|div|h\d|pre|hr|blockquote|font|a))\b[^<>\n]{0,80}>', ''),
        (r'<!--.*?-->', ''), (r'\^\{([^}]*)\}', r'\1'), (r'_\{([^}]*)\}', r'\1'),
        (r'\{(?:\d+|[ivxlc]+|p(?:age|g)?\.? ?\d+)[a-z]?\}', ''), (r'[{}]', ''),
        (r'(?<![\w=])=(?=\S)([^=]*?\S)=(?![\w=])', r'\1'),
        (r'(?<![\w+])\+(?=\w)([^+\n]*?\S)\+(?![\w+])', r'\1'),
        (r'(?<![\w#])#(?=\w)([^#\n]*?\S)#(?![\w#])', r'\1'),
        (r'(?<![\w~])~(?=\S)([^~]*?\S)~(?![\w~])', r'\1'),
        (r'(?<![\w$])\$(?=[A-Za-z])([^$\n]*?[^\s$])\$(?![\w$])', r'\1'),
        (r'\((?:footnote|see illustration|see note|see page|see p\.)[^()]{0,80}\)', ''),
        (r'_', ''), (r'\*+', ''), (r'\|+', ' '), (r'~', ''), (r'\^', ''), (r'(?<!\w)=+|=+(?!\w)', ' '), (r'\\', '')]
MARK = [(re.compile(a, re.S | re.I), b) for a, b in MARK]

def scrub(s):
    s = re.sub(r"``|''", '"', s)
    s = re.sub(r'""+', '"', s)
    s = s.replace('`', "'")
    for a, b in MARK:
        s = a.sub(b, s)
    s = re.sub(r' +([,;:?!])(?=\s|$|["\'])', r'\1', s)
    s = re.sub(r'(?<=[a-z,;])\s+\.(?=\s|$)(?! \.)', '.', s)
    s = re.sub(r'\( +', '(', s)
    s = re.sub(r'(?<=\w) +\)', ')', s)
    s = re.sub(r'(?<=\w)\s+--\s*(?=\w)|(?<=\w)--\s+(?=[a-z])', '--', s)
    s = re.sub(r'-{5,}', '----', s)
    return re.sub(r'[ \t]+', ' ', s).strip()

ROMAN = r'(?:[IVXLC]+|[ivxlc]+|\d+)'
NUMW = (r'(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|'
        r'seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|first|second|third|fourth|fifth|sixth|seventh|eighth|'
        r'ninth|tenth|eleventh|twelfth|last|the \w+)')
CHAP = re.compile(r'(?:the )?(?:chapter|chap\.?|book|part|volume|vol\.?|story|tale|letter|canto|act|scene|section|adventure|lesson|fable|stave|night|evening|day)'
                  r'\s+(?:the\s+)?(?:%s|%s)(?:[- ]%s)?\b' % (ROMAN, NUMW, NUMW), re.I)
CHAP1 = re.compile(r'(?:the )?(?:chapter|chap\.?)\s+(?:the\s+)?(?:I|1|one|first)\b(?!-)|(?:I|1)\.?$|I\.? [-:.]*\s*[A-Z][A-Z ,\'-]+\.?$|'
                   r'(?:prologue)\b', re.I)
SMALLW = set('a an and as at but by for from he her his how i in into is it its of on or over s so than that the their they to up was what when where who why with went did not had are be out were about after no your you my we our one all'.split())

def letters(s):
    return re.sub(r'[^a-z]+', ' ', s.lower()).strip()

def is_caps(s):
    a = [c for c in s if c.isalpha()]
    return len(a) >= 1 and all(c.isupper() for c in a)

def mostly_caps(s):
    a = [c for c in s if c.isalpha()]
    return len(a) >= 3 and sum(c.isupper() for c in a) >= .75 * len(a)

def title_case(s):
    w = re.findall(r"[A-Za-z][A-Za-z']*", s)
    if not w:
        return False
    big = [x for x in w if x.lower() not in SMALLW]
    if not big:
        return all(x[0].isupper() for x in w)
    return w[0][0].isupper() and all(x[0].isupper() for x in big)

FRONTKEY = re.compile(r'copyright|published|publisher|printed (?:in|by|at)|all rights|illustrat(?:ed|ions) (?:by|in)|transcri|'
                      r'produced by|e-?text|e-?book|gutenberg|www\.|http|scanned|proofread|author of|to (?:my|the memory)|'
                      r'dedicat|uniform with|edition|\bpress\b|price|\bcloth\b|12mo|8vo|net\b|frontispiece|'
                      r'permission|acknowledg|trademark|london:|new york:|boston:|& co|internet archive|html version|'
                      r'with (?:\w+ )*(?:illustrations|drawings|pictures|plates)|translated (?:from|by)|edited by|entered according|'
                      r'act of congress|electrotyp|bound in|this book is|inscribed|series of|\bserial', re.I)
ADKEY = re.compile(r'\bprice\b|\bcloth\b|12mo|16mo|8vo|4to|post ?paid|publishers?\b|per volume|grosset|dunlap|\bcents\b|'
                   r'\bbound in\b|\bauthor of\b|illustrated|\bseries\b|\$ ?\d|\bnet\b|& co|volumes?\b|books (?:by|for)|catalogue|'
                   r'booksell|copyright|uniform|frontispiece|for sale|each \d|sent (?:by mail|free)|\bbooks\b|\bstories\b|\bedition\b|\btitles\b|'
                   r'mailed|jacket|a\. ?l\. burt|donohue|stokes|harper|scribner|lothrop|hurst|altemus|page company|\bgilt\b|\bpp\.', re.I)
ADSTRONG = re.compile(r'\bprice\b[^.]{0,30}(?:\d|cents)|12mo|16mo|8vo|post ?paid|per volume|grosset|\bcloth\b[,.]|\bauthor of\b|\$ ?\d?\.\d\d|'
                      r'\d+ ?cents|& co|bound in|uniform (?:style|with)|other books|books by|by the same author|same series|'
                      r'series (?:is|are|by)|catalogue|advertis|publishers|illustrated by|large type|\bgilt\b|net\. |for sale (?:by|at)|'
                      r'profusely|handsomely|fully illustrated|(?:books|stories|series) for (?:boys|girls|children|young)|\bthis series\b', re.I)
DROPSEC = re.compile(r'(?:the )?(?:author\'?s? |translator\'?s? |editor\'?s? |publishers?\'?s? |introductory |prefatory |a )?'
                     r'(?:preface|foreword|fore-?word|bibliography|acknowledge?ments?|dedication|'
                     r'note|advertisements?|glossary|appendix|index|publishers?\'? note|introduction(?: by .*)?|about the author|'
                     r'a (?:word|note|letter) to (?:the )?(?:\w+ ?){1,4}|to (?:parents|teachers|(?:the|my) (?:\w+ )?(?:readers?|teachers?|parents?|mothers?))|'
                     r'suggestions (?:to|for) .*|'
                     r'(?:transcriber|editor)\'?s?\'? notes?.*|biographical.*|introductory|list of illustrations|illustrations)'
                     r'(?: to .{0,40})?[.:]?$', re.I)
BACKSEC = re.compile(r'(?:the )?(?:transcriber\'?s?\'? notes?.*|transcribers? note.*|notes?(?: (?:and references|to the .*|on .*))?|foot-?notes?|glossary|index|appendix.*|'
                     r'bibliography|advertisements?|errata|pronunciation.*|vocabulary.*|index of .*|alphabetical index|'
                     r'suggestions (?:to|for) .*|notes, .*|books by .*|other books.*|by the same author.*|works by .*|.*\bbooks for (?:boys|girls|young|children).*|'
                     r'list of books.*|pronouncing .*|selections? from .*(?:catalogue|list).*|a list of .*|the end of the project.*)[.:]?$', re.I)
CONT = re.compile(r'(?:the |table of |general )?contents(?: of .{0,40})?[.:]?$|table of contents.*|list of (?:full[- ]page |colou?red |the )?(?:illustrations|stories|plates|tales|pictures|chapters|titles)[.:]?$|(?:full[- ]page |colou?red )?illustrations[.:]?$|list of .{0,30}illustrations.*|in this (?:book|volume)[.:]?$|here are the titles.*|the (?:stories|chapters)[.:]?$', re.I)
TRANS = re.compile(r"\s*(?:transcriber'?s?'? ?(?:'s)? notes?|produced by|e-?text prepared|prepared by|this e-?(?:text|book)|scanned by|note: project gutenberg|"
                   r"note: images|images of the original|transcribed (?:from|by)|proofread|html version|\[?transcriber|digiti[sz]ed|typed by|"
                   r"(?:this|the) (?:file|etext|text) was|updated:|\(this file was|project gutenberg|see \d+-h|editor's note:|online distributed|"
                   r"distributed proof|internet archive|http|the following typ|minor typograph|typographical errors|minor (?:changes|punct|error)|variations in (?:spelling|hyph)|punctuation (?:has|have|errors)|spelling (?:and|has)|illustrations? (?:have|has) been (?:moved|placed)|the frontispiece|on pp?\. \d|missing (?:or|page|punct)|obvious (?:typo|print|punct)|some illustrations|"
                   r"\(http|end of (?:volume|the first volume|vol)|(?:inconsistent|archaic) (?:spell|hyphen)|hyphenation)", re.I)

REVIEW = re.compile(r'(?:\.|!)["\']*\s?--\s?(?:The )?[A-Z][\w.\' ]+[\w]\.?\)?$|\d+s\. ?(?:\d+d\.|net)|\b\d+s\.\s*$|complete works|eight illustrations|copies (?:already )?sold|18mo|made (?:in|at) the|limited\.?$|madison avenue|(?:Publishing|Book|Mifflin|Macmillan|Brown|Page|Mead|Appleton) (?:& |and )?Co\.|^[A-Z0-9\' ,:-]{8,}\. By [A-Z]|Dept\. of Agri|Bulletin (?:No\. )?\d|Scribner.s Sons|National Association of|The \w+ Press\.$|new york,? n\.? ?y')

def proseish(p, W):
    """a block that reads as running prose"""
    t = p.text
    if p.kind or mostly_caps(t) or not re.search(r'[a-z]', t):
        return False
    if p.verse:
        return False
    if len(t) >= 130 and re.search(r'[.!?:;,"\')-]$', t):
        return True
    if len(t) >= 45 and re.search(r'[.!?]["\')]*$|--$|[:,]$', t) and len(p.lines) >= 1 and not title_case(t):
        return True
    if re.match(r'["\']', t) and re.search(r'[.!?,]["\']', t) and len(t) > 12 and not mostly_caps(t):
        return True
    return False

def clean(text, title, info):
    stat = info
    t = strip_pg(text)
    stat['body'] = len(t)
    t = to_ascii(t)
    t = re.sub(r"\[Transcriber'?s'? Notes?[.:]?\].*?\[End (?:of )?(?:the )?Transcriber'?s'? Notes?\.?\]", '', t, flags=re.S | re.I)
    t = re.sub(r'^ *[.,]{2} (?:class|image|figure|container|clearpage|toc|pgheader|pgfooter|vspace|dropcap)::.*(?:\n +:.*)*$', '', t, flags=re.M)
    t = t.replace('&&', '--')
    for a, b in BR:
        t = re.sub(a, b, t)
    # unbracketed page marks on their own line
    t = re.sub(r'^\s*(?:\{?\[?(?:p(?:age|g)?\.? ?)?\d{1,4}\]?\}?|- ?\d+ ?-|[ivxl]+)\s*$', '', t, flags=re.M | re.I) \
        if len(re.findall(r'^\s*(?:\{?\[?(?:p(?:age|g)?\.? ?)?\d{1,4}\]?\}?|- ?\d+ ?-)\s*$', t, re.M | re.I)) > 30 else t
    # footnotes set as paragraphs: [1] text
    t = re.sub(r'(?<=\n)[ ]*\n[ ]*\[(?:\d{1,3}|[A-Z]|\*+)\][ :.](?:[^\n]+\n){1,18}(?=[ ]*\n)', '\n', t)
    t = brackets(t, stat)
    # box tables
    t = re.sub(r'^[ ]*[+|][-=+| ]{8,}$', '', t, flags=re.M)
    t = re.sub(r'^[ ]*\|(.*)\|[ ]*$', r'   \1', t, flags=re.M)
    bl = blocks(t)
    if not bl:
        return ''
    # texts with (nearly) no blank lines: paragraphs by indent
    nl = sum(len(b) for _, b in bl)
    lens = sorted(len(l.strip()) for _, b in bl for l in b)
    W = lens[int(len(lens) * .93)]
    stat['W'] = W
    if nl / len(bl) > 14 and W < 100:
        stat['indent_split'] = 1
        nb = []
        for gap, b in bl:
            cur = []
            for l in b:
                if cur and re.match(r' {1,8}\S', l) and len(cur[-1].strip()) + 12 < W or \
                   (cur and re.match(r' {2,6}\S', l) and not re.match(r' {2,}', cur[-1])):
                    nb.append((gap, cur)); cur, gap = [], 1
                cur.append(l)
            if cur:
                nb.append((gap, cur))
        bl = nb
    # double spaced texts: every line its own block
    one = sum(1 for g, b in bl if len(b) == 1 and len(b[0].strip()) > .75 * W)
    if W < 100 and len(bl) > 50 and one > .6 * len(bl):
        stat['double_spaced'] = 1
        nb = []
        for gap, b in bl:
            if nb and gap <= 1 and len(nb[-1][1][-1].strip()) > .75 * W and not re.match(r'\s{3,}', b[0]):
                nb[-1][1].extend(b)
            else:
                nb.append((gap, list(b)))
        bl = nb
    ps = []
    ingap = 0
    for gap, b in bl:
        b = [l for l in b if re.search(r'[A-Za-z]', l) or (len(b) > 1 and re.search(r'\d', l) and len(l.strip()) > 6)]
        if not b:
            ingap = max(ingap, gap, 2)
            continue
        p = P()
        p.gap = max(gap, ingap); ingap = 0
        p.kind = None
        raw = [l for l in b]
        p.ind = min(len(l) - len(l.lstrip()) for l in raw)
        lines = [l.strip() for l in raw]
        star = re.match(r'\*{1,3} ?[A-Za-z"\'(]', lines[0]) and not re.match(r'\*[^*]{1,400}\*', ' '.join(lines))
        foot = re.match(r'(?:footnote|\(\d+\) ?[A-Z]|\d+\) [A-Z]|\[\d)', lines[0], re.I) and re.match(r'footnote', lines[0], re.I)
        # verse?
        p.verse = False
        multi = len(lines) >= 2
        if multi:
            room = sum(1 for x, y in zip(lines, lines[1:]) if len(x) + 1 + len(y.split()[0]) <= W - 7 and not x.endswith('--'))
            caps = sum(1 for y in lines if re.match(r'[_"\'(*=]*[A-Z]', y))
            k = len(lines)
            if p.ind >= 2 and room >= .7 * (k - 1) and caps >= .7 * k and max(map(len, lines)) <= 68:
                p.verse = True
            elif p.ind < 2 and room >= .8 * (k - 1) and caps >= .8 * k and max(map(len, lines)) <= W - 8:
                p.verse = True
            elif p.ind < 2 and k >= 4 and room >= .8 * (k - 1) and caps >= .5 * k and \
                    sum(1 for l in raw if l.startswith('  ')) >= .4 * k and max(map(len, lines)) <= W - 8:
                p.verse = True
        if p.verse:
            sl = []
            for r, l in zip(raw, lines):
                ind = len(r) - len(r.lstrip())
                l = scrub(l)
                if not l:
                    continue
                # a run-over line: much deeper and lower case
                if sl and ind > p.ind + 7 and re.match(r'[a-z]', l):
                    sl[-1] += ' ' + l
                else:
                    sl.append(l)
            p.lines = sl
            p.text = '\n'.join(sl)
        else:
            s = lines[0]
            for l in lines[1:]:
                if s.endswith('--') or (re.search(r'[A-Za-z]-$', s) and re.match(r'[A-Za-z]', l)):
                    s += l
                else:
                    s += ' ' + l
            p.lines = lines
            p.text = scrub(s)
        if not re.search(r'[A-Za-z]', p.text):
            continue
        p.norm = letters(p.text)
        if star or foot:
            p.kind = 'note'
        elif TRANS.match(p.text) or (len(p.text) < 500 and re.search(r'project gutenberg|\be-?texts?\b', p.text, re.I)):
            p.kind = 'trans'
        elif len(p.text) < 400 and re.search(r'reprinted (?:by|from)|used by (?:special )?permission|by special (?:arrangement|permission)|copyright(?:ed)?,? (?:in )?\d{4}', p.text, re.I):
            p.kind = 'front'
        elif len(p.text) < 140 and re.match(r'(?:as )?(?:\w+ )?(?:by|told by|retold by|translated (?:from|by)|adapted (?:from|by)|pictured by|illustrated by|written by|drawings by|pictures by) [A-Z]', p.text, re.I) \
                and (title_case(p.text.replace('\n', ' ')) or mostly_caps(p.text)) and not re.search(r'[,;!?"]$', p.text) and len(p.lines) < 4:
            p.kind = 'front'
        elif len(p.text) < 250 and re.search(r'(?:facing (?:p\.|page)|to face p(?:age|\.)?|frontispiece|\bp\.|\bpage) ?\d*\W*$', p.text, re.I) and not re.search(r'["\'] (?:said|asked)', p.text):
            p.kind = 'toc'
        elif len(p.text) < 700 and re.search(r'by the transcriber|enclosed by underscores|italics (?:is|are|was)|silently corrected|external link', p.text, re.I):
            p.kind = 'trans'
        elif ' > ' in p.text and len(p.text) < 200:
            p.kind = 'trans'
        elif re.match(r'illustration\b ?[:.]|illustration$|\(?illustration: ', p.text, re.I):
            p.kind = 'note'
        elif sum(1 for l in raw if re.search(r'(?:\s{2,}|\.{2,}|(?:\. ){3,})\s*(?:\d+|[ivxlc]+)\s*$', l)) >= max(1, .6 * len(raw)) and len(raw) * 40 >= 0 \
                and (len(raw) > 1 or re.search(r'\S\s{2,}[\d ]+$|\.{3,}\s*\d+$|(?:\. ){3,}\s*\d+$', raw[0])):
            p.kind = 'toc'
        else:
            na = sum(1 for c in p.text if ord(c) > 127)
            if na:
                if na > max(3, .03 * len(p.text)):
                    p.kind = 'foreign'
                p.text = re.sub(r'[^\x00-\x7f]+', '', p.text)
        ps.append(p)
    N = len(ps)
    if not N:
        return ''
    total = sum(len(p.text) for p in ps)
    acc = 0
    for p in ps:
        p.pos = acc / total
        acc += len(p.text)
    # footnote / transcriber runs: paragraphs after a note heading
    toc = set()
    i = 0
    body0 = 0

    def strong_head(p):
        return bool(p.kind is None and len(p.text) < 120 and (CHAP.match(p.text) or is_caps(p.text)))

    # contents lists ----------------------------------------------------
    cont_end = 0
    while i < N:
        p = ps[i]
        first = p.text.split('\n')[0]
        whole = CONT.match(p.text) if len(p.text) < 60 else None
        if p.kind is None and (whole or (CONT.match(first) and len(p.lines) > 1 and len(p.text) < 6000 and not proseish(p, W))) \
                and (p.pos < .25 or re.search('contents|illustrations', first, re.I)):
            j = i + 1
            p.kind = 'toc'
            ent = []
            if not whole:
                ent += p.text.split('\n')[1:]
            while j < N and j < i + 400:
                q = ps[j]
                if proseish(q, W) and q.kind is None:
                    entry = re.match(r'(?:%s[.:)]|chapter\b|chap\b)' % ROMAN, q.text, re.I) or re.search(r'\d\W*$', q.text) or \
                        '....' in q.text or '. . .' in q.text or ' -- ' in q.text and j < i + 4 or len(re.findall(r'--', q.text)) > 4
                    nums = len(re.findall(r'\b\d+\b', q.text))
                    if not entry and nums < 5:
                        break
                    if entry and len(q.text) > 3000:
                        break
                    # Roman chapter number followed by prose in paragraph is text, not an entry
                    if len(q.text) > 400 and nums < 3 and '--' not in q.text:
                        break
                n = q.norm
                # the first entry again after a large gap: the body begins
                if ent and q.gap >= 3 and len(n) > 3 and n in toc and j > i + 2 and not q.verse:
                    break
                if q.kind is None and DROPSEC.match(q.text) and q.gap >= 2 and j > i + 1 and j + 1 < N and proseish(ps[j + 1], W):
                    break
                if q.verse and q.gap >= 2 and j > i + 2 and max(map(len, q.lines)) > 20 and re.search(r'[,;]$', q.lines[0]) \
                        and not re.search(r'\d\W*$', q.lines[0]):
                    break
                for l in q.text.split('\n'):
                    e = re.sub(r'[\s.]*\d+\W*$', '', l)
                    e = letters(re.sub(r'^(?:chapter |chap\.? )?%s[.:)\s-]+' % ROMAN, '', e, flags=re.I))
                    if e and len(e) < 90:
                        toc.add(e)
                    e = letters(l)
                    if e and len(e) < 90:
                        toc.add(e)
                    ent.append(l)
                if q.kind is None:
                    q.kind = 'toc'
                j += 1
            # headings just before the first prose belong to the body (dropped as headings anyway)
            if p.pos < .2:
                between = sum(len(q.text) for q in ps[cont_end:i] if proseish(q, W)) if cont_end else 0
                if between < max(2500, .02 * total):
                    cont_end = max(cont_end, j)
            i = j
        else:
            i += 1
    stat['toc'] = len(toc)

    # heading test -------------------------------------------------------
    tl = letters(title)

    def heading(k):
        p = ps[k]
        s = p.text
        if p.kind:
            return False
        n = len(s)
        if n > 160:
            return False
        nx = ps[k + 1] if k + 1 < N else None
        gap2 = p.gap >= 2 or (nx is not None and nx.gap >= 2)
        flat = s.replace('\n', ' ')
        quoted = re.match(r'["\']', s) and re.search(r'["\']$', s)
        sent = re.search(r'[,;]$|--$', s)
        if re.match(r'(?:%s)\.?$' % ROMAN, s) or CHAP.match(flat) and n < 110 and (p.gap >= 2 or is_caps(flat) or n < 30) and not re.search(r'[a-z][,;] [a-z]', flat):
            return True
        if re.match(r'(?:THE END|FINIS|THE BEGINNING|END)\W*(?:OF .*)?$', s, re.I) and n < 60:
            return True
        if p.norm and (p.norm in toc or re.sub(r'^(?:chapter )?[ivxlc]+ ', '', p.norm) in toc) and n < 100 and not sent and (gap2 or is_caps(flat) or title_case(flat)) and not (quoted and not gap2):
            return True
        if p.norm == tl or (tl and len(p.norm) > 6 and p.norm in tl and is_caps(flat)):
            return True
        if re.match(r'[IVXLC]+\.? ?[-:.]* ?[A-Z]', s) and re.match(r'[IVXLC]+[.:-]', s) and n < 90 and (gap2 or mostly_caps(flat)) and not re.search(r'[,;]$', s) and len(p.lines) <= 3 and s.split()[0] not in ('I', 'I.--') :
            if title_case(re.sub(r'^[IVXLC]+[.: -]*', '', flat)) or mostly_caps(flat):
                return True
        if mostly_caps(flat) and is_caps(re.sub(r'Mc|Mac|(?<![A-Za-z])[a-z]{1,3}\b', '', flat) or 'A') and len(p.lines) <= 4:
            if quoted and not gap2 and n < 60 and re.search(r'[!?,.]["\']$', s):
                return False       # somebody shouting
            if p.verse and not gap2:
                return False
            return True
        if p.verse and len(p.lines) > 2:
            return False
        if len(p.lines) > 2:
            return False
        if p.gap >= 2 and not sent and n < 75 and not quoted and title_case(flat):
            return True
        if p.gap >= 3 and not sent and n < 80 and not re.search(r'[.:!?]["\']?$', s) and nx is not None and re.match(r'["\']?[A-Z]', flat):
            return True
        if p.gap >= 2 and p.ind >= 8 and n < 70 and not re.search(r'[.,;:!?]["\']?$', s):
            return True
        if p.gap < 2 and n < 60 and not p.verse and title_case(flat) and not re.search(r'[.,;:!?"\')-]$', s) and nx is not None and not nx.verse \
                and len(re.findall(r'\w+', s)) >= 2 and not (k and ps[k - 1].verse) and not (k and re.search(r'[:,]$|--$', ps[k - 1].text)):
            return True
        return False

    # where the body begins ----------------------------------------------
    def chap1(k):
        p = ps[k]
        if p.kind or len(p.text) > 100 or not (p.gap >= 2 or is_caps(p.text) or CHAP.match(p.text)):
            return False
        if not CHAP1.match(p.text.replace('\n', ' ')):
            return False
        for m in range(k + 1, min(N, k + 7)):
            if proseish(ps[m], W):
                return True
            if CHAP.match(ps[m].text) and not CHAP1.match(ps[m].text):
                return False
        return False

    start = None
    for k in range(N):
        if ps[k].pos > .2:
            break
        if chap1(k):
            start = k
            break
    how = 'chapter'
    # a story heading well before chapter one: do not lose more than 8 %
    if start is not None and ps[start].pos > .08 and (ps[start].pos - ps[cont_end].pos if cont_end < N else 0) > .06:
        start = None
    if start is None:
        start = cont_end
        how = 'contents' if cont_end else 'first prose'
    stat['start'] = how
    for k in range(start):
        ps[k].kind = ps[k].kind or 'front'

    # named sections to drop (preface, introduction ...) in the first quarter
    k = start
    hd = [heading(m) for m in range(N)]
    while k < N and ps[k].pos < .15:
        p = ps[k]
        flat = p.text.replace('\n', ' ')
        if p.kind is None and len(flat) < 70 and (DROPSEC.match(flat)) and (hd[k] or p.gap >= 2):
            j = k + 1
            size = 0
            while j < N:
                if hd[j] and j > k + 1 and ps[j].gap >= 2 and not DROPSEC.match(ps[j].text) and size > 0 and \
                        not re.match(r'[IVXLC]+\.?$', ps[j].text) and ps[j].ind < 30:
                    # a heading followed by prose soon
                    if any(proseish(ps[m], W) or ps[m].verse for m in range(j + 1, min(N, j + 6))):
                        break
                size += len(ps[j].text)
                if size > max(.12 * total, 3000) or size > 60000:
                    break
                j += 1
            if j < N and hd[j]:
                for m in range(k, j):
                    ps[m].kind = ps[m].kind or 'preface'
                stat['preface'] = stat.get('preface', 0) + size
                k = j
                continue
            else:
                p.kind = 'head'
        k += 1
    # leading non prose
    k = start
    while k < N and ps[k].pos < .2:
        p = ps[k]
        if p.kind is None:
            if proseish(p, W) and not (FRONTKEY.search(p.text) and len(p.text) < 700 and not re.match(r'["\']|once |there (?:was|were)', p.text, re.I)):
                break
            if p.verse and p.pos > .01 and len(p.lines) > 3 and k > 0 and hd[k - 1] and not FRONTKEY.search(p.text) and \
                    k + 1 < N and (ps[k + 1].verse):
                break
            p.kind = 'front'
        k += 1

    # the end --------------------------------------------------------------
    endk = N
    for k in range(N - 1, -1, -1):
        if ps[k].pos < .6:
            break
        if re.match(r'(?:THE |THAT\'S THE )?END\W*$|FINIS\W*$|THE END OF .{0,60}$|THE END\W', ps[k].text, re.I) and len(ps[k].text) < 60 and ps[k].kind is None:
            rest = [q for q in ps[k + 1:]]
            rl = sum(len(q.text) for q in rest)
            ads = sum(len(q.text) for q in rest if ADKEY.search(q.text))
            head1 = next((q for q in rest if q.kind is None), None)
            only = sum(1 for q in ps if re.match(r'(?:THE |THAT\'S THE )?END\W*$|FINIS\W*$', q.text, re.I)) == 1 and ps[k].pos > .85
            if only or rl < .04 * total or (ps[k].pos > .8 and any(ADSTRONG.search(q.text) for q in rest[:6])) or ads > .3 * rl or (head1 is not None and BACKSEC.match(head1.text.replace('\n', ' '))):
                endk = k
            # keep looking further up only when nothing story-like lies between
            if endk != k:
                continue
            break
    for k in range(start, endk):
        p = ps[k]
        if p.pos > .8 and p.kind is None and len(p.text) < 90 and BACKSEC.match(p.text.replace('\n', ' ')) and (hd[k] or p.gap >= 2):
            # single NOTE in a story collection: only if late or no further proper headings
            if re.match(r'notes?\W*$', p.text, re.I) and p.pos < .9 and sum(hd[k + 1:endk]) > 3:
                continue
            endk = k
            stat['back'] = p.text[:40]
            break
    for k in range(start, endk):
        if ps[k].pos > .9 and ps[k].kind == 'trans' and re.match(r'\W*(?:transcrib|typograph|obvious|minor|inconsist|punctuat|this e-?text|the following)', ps[k].text, re.I) \
                and sum(len(q.text) for q in ps[k:endk] if proseish(q, W)) < .04 * total + 1500:
            endk = k
            break
    # advertisements without a mark
    if endk:
        tail = [k for k in range(start, endk) if ps[k].pos > .35]
        best = None
        for k in tail:
            if (ADSTRONG.search(ps[k].text) or REVIEW.search(ps[k].text)) and (hd[k] or not re.search(r'["\']\s', ps[k].text)):
                seg = range(k, endk)
                L = sum(len(ps[m].text) for m in seg)
                A = sum(len(ps[m].text) for m in seg if ADKEY.search(ps[m].text) or REVIEW.search(ps[m].text) or hd[m] or ps[m].kind or
                        (ps[m].verse and all(title_case(x) or mostly_caps(x) for x in ps[m].lines)))
                q = sum(1 for m in seg if re.match(r'["\']', ps[m].text) and re.search(r'said|asked|cried|replied', ps[m].text))
                strong = sum(1 for m in seg if ADSTRONG.search(ps[m].text) or REVIEW.search(ps[m].text))
                if A > (.36 if ps[k].pos > .85 else .6) * L and strong >= 3 and q <= .1 * len(seg):
                    best = k
                    break
                if L < 2500 and A > .45 * L and (strong >= 2 or ps[k].pos > .985 and A > .7 * L) and q == 0:
                    best = k
                    break
        if best is not None:
            while best > start and hd[best - 1]:
                best -= 1
            stat['ads'] = sum(len(ps[m].text) for m in range(best, endk))
            endk = best
    for k in range(endk, N):
        ps[k].kind = ps[k].kind or 'back'
    # trailing scraps
    for k in range(start, endk):
        if ps[k].kind is None and hd[k]:
            ps[k].kind = 'head'
        if ps[k].kind is None and ps[k].pos > .97 and re.match(r'(?:printed (?:in|by)|press of|the .* press\b|end of )', ps[k].text, re.I) and len(ps[k].text) < 200:
            ps[k].kind = 'back'
    # NOTE paragraphs inside
    for k in range(start, endk):
        p = ps[k]
        if p.kind is None and re.match(r'(?:foot-?note|note)s?[:.]? ?[-:.]', p.text, re.I) and len(p.text) < 800:
            p.kind = 'note'
        # source lines, reading matter for the printer
        if p.kind is None and re.match(r'\(?(?:copyright|all rights reserved|printed in)\b', p.text, re.I) and len(p.text) < 300:
            p.kind = 'front'
        # page running: 'To face page 12'
        if p.kind is None and re.match(r'(?:to face p|facing p|frontispiece|see page|page \d)', p.text, re.I) and len(p.text) < 200:
            p.kind = 'note'
    keep = [p for p in ps if p.kind is None]
    kinds = collections.Counter()
    for p in ps:
        if p.kind:
            kinds[p.kind] += len(p.text)
    stat['kinds'] = dict(kinds)
    stat['verse'] = sum(len(p.text) for p in keep if p.verse) / max(1, sum(len(p.text) for p in keep))
    # lists of names, one a block
    k = 0
    while k < len(keep):
        j = k
        while j < len(keep) and len(keep[j].text) < 60 and not keep[j].verse and not re.search(r'[.,;:!?"\')-]$', keep[j].text) and title_case(keep[j].text):
            j += 1
        if j - k >= 3:
            del keep[k:j]
        else:
            k = max(j, k + 1)
    # signatures of poets and editors, set far right
    keep = [p for p in keep if not (len(p.lines) == 1 and p.ind >= 24 and len(p.text) < 50 and title_case(p.text) and not re.search(r'[,;!?:"\')]$', p.text))]
    # verse with a blank line after every line
    res = []
    k = 0
    vl = lambda p: len(p.lines) == 1 and 2 <= p.ind <= 30 and 8 < len(p.text) <= 62 and re.match(r'["\'(]*[A-Z]', p.text) and not p.verse
    while k < len(keep):
        j = k
        while j < len(keep) and vl(keep[j]) and (j == k or keep[j].gap == 1):
            j += 1
        if j - k >= 2:
            # couplets and more become one block
            keep[k].text = '\n'.join(q.text for q in keep[k:j])
            keep[k].verse = True
            res.append(keep[k])
            k = j
        else:
            res.append(keep[k])
            k += 1
    keep = res
    # a sentence broken over two blocks
    res = []
    for p in keep:
        if res and not p.verse and not res[-1].verse and re.search(r'[A-Za-z,]$', res[-1].text) and \
                (re.match(r'[a-z]', p.text) or (len(res[-1].text) > 160 and re.search(r'[a-z]$', res[-1].text) and re.match(r'[A-Z]', p.text) and len(p.text) > 60)):
            res[-1].text += ' ' + p.text
            stat['joined'] = stat.get('joined', 0) + 1
        else:
            res.append(p)
    keep = res
    while keep and (mostly_caps(keep[-1].text) or (keep[-1].verse and all(title_case(x) or mostly_caps(x) for x in keep[-1].text.split('\n'))
                    and (not re.search(r'[.!?"\']$', keep[-1].text) or keep[-1].text.count('\n') > 2) and not re.search(r',$', keep[-1].text, re.M)) or (REVIEW.search(keep[-1].text) and len(keep[-1].text) < (1500 if re.search(r'[.!]["\']+\s?--[A-Z][\w .]+\.$', keep[-1].text) else 300) and not keep[-1].verse) or re.match(r'\(?trademark reg|would you like to know what became of the good friends|the present series of .* works|from$', keep[-1].text, re.I)
                    or re.search(r'copies already sold', keep[-1].text)):
        keep.pop()
    while keep and (mostly_caps(keep[0].text) or ADSTRONG.search(keep[0].text) and len(keep[0].text) < 400 and not re.match(r'["\']|once |there ', keep[0].text, re.I)):
        keep.pop(0)
    out = [p.text for p in keep]
    # stray single words of few letters left by bracket cutting
    out = [o for o in out if re.search(r'[A-Za-z]{2}', o) or o in ('I', 'O!')]
    stat['maxpar'] = max(map(len, out)) if out else 0
    return '\n\n'.join(out) + ('\n' if out else '')

# --------------------------------------------------------------- judgement

COMMON = set('the and of to a in that he she was it his her with as for had at on you i is they but not be said so were all him'.split())

def english(t):
    w = re.findall(r'[a-z]+', t.lower())
    return sum(x in COMMON for x in w) / max(1, len(w))

def slug(s):
    s = re.sub(r'[^a-z0-9]+', '-', s.lower()).strip('-')
    if len(s) > 60:
        s = s[:60].rsplit('-', 1)[0]
    return s

# -------------------------------------------------------------- 8-word runs

def toks(t, mode):
    t = t.lower()
    if mode == 0:                       # letters only, all else separates
        return re.findall(r'[a-z]+', t)
    if mode == 1:                       # apostrophes vanish, all else separates
        return re.findall(r'[a-z]+', t.replace("'", ''))
    return [x for x in (re.sub(r'[^a-z]', '', y) for y in t.split()) if x]   # by blanks

def runs(t, mode):
    w = toks(t, mode)
    return {' '.join(w[i:i + 8]) for i in range(len(w) - 7)}

def hits(paras, held, mode):
    """indices of paragraphs touching a held run (runs over paragraph ends count), number of runs"""
    ws, own = [], []
    for i, p in enumerate(paras):
        x = toks(p, mode)
        ws += x
        own += [i] * len(x)
    bad, c = set(), 0
    for i in range(len(ws) - 7):
        if ' '.join(ws[i:i + 8]) in held:
            c += 1
            bad.update(own[i:i + 8])
    return bad, c

MASK = 7
def sample_hashes(t, ids):
    w = [ids.setdefault(x, len(ids) * 2654435761 % (1 << 61)) for x in re.findall(r'[a-z]+', t.lower())]
    s = set()
    for i in range(len(w) - 7):
        h = hash(tuple(w[i:i + 8]))
        if (h >> 20) & MASK == 0:
            s.add(h)
    return s

# --------------------------------------------------------------------- main

def main():
    t0 = time.time()
    books = []
    for l in open(f'{BASE}/list.tsv', encoding='utf-8'):
        if l.strip():
            a, b = l.rstrip('\n').split('\t')[:2]
            books.append((int(a), b))
    have = {}
    for l in open(f'{SHARED}/MANIFEST.tsv', encoding='utf-8').read().split('\n')[1:]:
        f = l.split('\t')
        if len(f) >= 5 and f[4].strip().isdigit():
            have[int(f[4])] = f[0]
    dropped, done, log = [], {}, []
    missing = 0
    for num, name in books:
        if num in have:
            dropped.append((num, name, 'already in shared MANIFEST as ' + have[num]))
            continue
        d = gitdir(name)
        if d is None:
            missing += 1
            dropped.append((num, name, 'not fetched'))
            continue
        got, why = pick(d, num)
        if got is None:
            dropped.append((num, name, why))
            continue
        fn, text = got
        lang = re.search(r'^Language: *(.+)', text[:8000], re.M)
        info = {'num': num, 'file': fn, 'brackets': 0}
        title, author = metadata(d, text)
        if lang and not lang.group(1).strip().lower().startswith('en'):
            dropped.append((num, name, 'language ' + lang.group(1).strip()))
            continue
        out = clean(text, title, info)
        if num in TAILCUT and TAILCUT[num] in out:
            out = out[:out.index(TAILCUT[num])].rstrip() + '\n'
        info['out'] = len(out)
        e = english(out)
        info['eng'] = round(e, 3)
        log.append(info)
        if len(out) < MINSIZE and not (num in COMPARE and len(out) > 1500):
            dropped.append((num, name, f'only {len(out)} bytes after cleaning (of {info.get("body")})'))
            continue
        if e < .22:
            dropped.append((num, name, f'not English prose (common words {e:.2f})'))
            continue
        if info['verse'] > .5:
            dropped.append((num, name, f'mostly verse ({info["verse"]:.0%})'))
            continue
        assert out.isascii(), num
        done[num] = dict(num=num, name=name, title=title, author=author, text=out,
                         file=f'pg{num}-{slug(title) or slug(name)}.txt')
    print(f'cleaned {len(done)} not fetched {missing} dropped {len(dropped)}  {time.time()-t0:.0f}s', flush=True)
    import json
    with open(f'{BASE}/clean-log.jsonl', 'w') as f:
        for i in log:
            f.write(json.dumps(i) + '\n')

    if 'quick' in sys.argv:
        os.makedirs('/tmp/q', exist_ok=True)
        for f in glob.glob('/tmp/q/*'):
            os.remove(f)
        for b in done.values():
            open('/tmp/q/' + b['file'], 'w').write(b['text'])
        print(dropped)
        return
    cmp_ = {n: b for n, b in done.items() if n in COMPARE}
    tr = {n: b for n, b in done.items() if n not in COMPARE}
    # ---- near duplicates among books
    ids, index, size = {}, collections.defaultdict(list), {}
    for f in sorted(glob.glob(f'{SHARED}/train/*.txt')):
        key = os.path.basename(f)
        s = sample_hashes(open(f).read(), ids)
        size[key] = len(s)
        for h in s:
            index[h].append(key)
    shared_pairs = []
    for n in sorted(tr, key=lambda n: -len(tr[n]['text'])):     # largest first: the smaller one goes
        b = tr[n]
        s = sample_hashes(b['text'], ids)
        c = collections.Counter()
        tot = 0
        for h in s:
            v = index.get(h)
            if v:
                tot += 1
                for k in v:
                    c[k] += 1
        b['dup'] = tot / max(1, len(s))
        why = None
        if c:
            k, m = c.most_common(1)[0]
            frac = m / max(1, len(s))
            big = m / max(1, size[k])      # share of the other book's runs
            b['dupwith'] = (k, frac, big)
            if frac > .3 or (big > .3 and isinstance(k, str)):
                o = k if isinstance(k, str) else tr[k]['file']
                why = f'{frac:.0%} of its 8-word runs in {o}' + (f' (and {big:.0%} of that one\'s here)' if big > .3 else '')
        if why:
            dropped.append((n, b['name'], 'near duplicate: ' + why))
            b['drop'] = 1
            continue
        size[n] = len(s)
        for h in s:
            index[h].append(n)
    tr = {n: b for n, b in tr.items() if 'drop' not in b}
    for n, b in sorted(tr.items(), key=lambda x: -x[1]['dup'])[:25]:
        if b['dup'] > .1:
            print('  still partly double', n, b['title'], f"{b['dup']:.0%}", b.get('dupwith'))
    index = None
    print(f'after duplicates {len(tr)}  {time.time()-t0:.0f}s', flush=True)
    # ---- held-out runs
    heldtxt = [open(f).read() for f in sorted(glob.glob(f'{SHARED}/valid/*.txt'))] + [b['text'] for b in cmp_.values()]
    tot_p = tot_b = tot_books = tot_runs = lost_books = 0
    cutlog = []
    held = [set().union(*[runs(t, m) for t in heldtxt]) for m in (0, 1, 2)]
    print('held runs', [len(h) for h in held])
    for n in sorted(tr):
        b = tr[n]
        paras = b['text'].rstrip('\n').split('\n\n')
        before = len(b['text'])
        cut = r0 = rounds = 0
        while True:
            bad = set()
            for m in (0, 1, 2):
                x, c = hits(paras, held[m], m)
                bad |= x
                if m == 0 and rounds == 0:
                    r0 = c
            if not bad:
                break
            cut += len(bad)
            paras = [p for i, p in enumerate(paras) if i not in bad]
            rounds += 1
        if cut:
            b['text'] = '\n\n'.join(paras) + '\n'
            lost = before - len(b['text'])
            cutlog.append((n, b['title'], r0, cut, lost, lost / before))
            if lost > .5 * before or len(b['text']) < MINSIZE:
                dropped.append((n, b['name'], f'held-out overlap: {lost} of {before} bytes cut ({r0} runs)'))
                b['drop'] = 1
                lost_books += 1
            else:
                tot_p += cut; tot_b += lost; tot_books += 1; tot_runs += r0
    tr = {n: b for n, b in tr.items() if 'drop' not in b}
    print(f'held-out cut: {tot_runs} runs, {tot_p} paragraphs, {tot_b} bytes in {tot_books} kept books; {lost_books} books dropped  {time.time()-t0:.0f}s')
    with open(f'{BASE}/cut.tsv', 'w') as f:
        f.write('number\ttitle\truns\tparagraphs\tbytes\tshare\n')
        for c in sorted(cutlog, key=lambda c: -c[4]):
            f.write('%d\t%s\t%d\t%d\t%d\t%.4f\n' % c)
    # ---- write
    for sub, bs in (('train', tr), ('compare', cmp_)):
        d = f'{BASE}/{sub}'
        os.makedirs(d, exist_ok=True)
        for f in glob.glob(d + '/pg*.txt'):
            os.remove(f)
        for b in bs.values():
            with open(f'{d}/{b["file"]}', 'w', encoding='ascii') as f:
                f.write(b['text'])
    with open(f'{BASE}/MANIFEST-new.tsv', 'w') as f:
        f.write('file\tbytes\ttitle\tauthor\tgutenberg_ebook\n')
        for sub, bs in (('compare', cmp_), ('train', tr)):
            for n, b in sorted(bs.items()):
                f.write(f'{sub}/{b["file"]}\t{len(b["text"])}\t{b["title"]}\t{b["author"]}\t{n}\n')
    with open(f'{BASE}/dropped.tsv', 'w') as f:
        f.write('gutenberg_ebook\tname\treason\n')
        for x in sorted(dropped):
            f.write('%d\t%s\t%s\n' % x)
    # ---- verify from the disk
    left = 0
    for f in sorted(glob.glob(f'{BASE}/train/*.txt')):
        t = open(f).read()
        for m in (0, 1, 2):
            w = toks(t, m)
            left += sum(' '.join(w[i:i + 8]) in held[m] for i in range(len(w) - 7))
    print(f'verify: {left} held-out runs remain in train')
    for lab, fs in (('shared train', glob.glob(f'{SHARED}/train/*.txt')),):
        hc = [set().union(*[runs(b['text'], 0) for b in cmp_.values()]) if cmp_ else set()]
        for f in sorted(fs):
            k = len(runs(open(f).read(), 0) & hc[0])
            if k > 60:
                print(f'note: {lab} {os.path.basename(f)} shares {k} runs with the compare books')
    for n, b in sorted(cmp_.items()):
        print('compare', n, b['file'], len(b['text']))
    print(f'train {len(tr)} books {sum(len(b["text"]) for b in tr.values())} bytes; compare {len(cmp_)} books '
          f'{sum(len(b["text"]) for b in cmp_.values())} bytes; {time.time()-t0:.0f}s')

if __name__ == '__main__':
    main()
