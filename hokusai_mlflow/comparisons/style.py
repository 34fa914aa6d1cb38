"""How the HTML looks, on light and on dark ground."""

from collections.abc import Mapping

from hokusai_mlflow.comparisons.collection import Finding

MARKS: Mapping[Finding, str] = {
    "better": "M0 -6.5L6 5H-6Z",
    "worse": "M0 6.5L6 -5H-6Z",
    "undecided": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z",
    "undefined": "",
}

_DARK = (
    "--ink:#e6e6e6;--soft:#a3a8b0;--rule:#3a3f47;--better:#56b4e9;--worse:#e69f00;"
    "--undecided:#a8a8a8;--ground:#16181d;--band:#ffffff0a"
)
_LIGHT = (
    "--ink:#1f2328;--soft:#5c636b;--rule:#d5d9de;--better:#0072b2;--worse:#c04f00;"
    "--undecided:#6b6b6b;--ground:#fff;--band:#0000000a"
)
_ROOT = ".hokusai-comparisons"

# Notebooks say by an attribute or a class of their own whether they are dark.
STYLE = f"""
{_ROOT}{{{_LIGHT};color:var(--ink);background:var(--ground);padding:.8em 1em;border-radius:6px;
 font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}}
@media (prefers-color-scheme:dark){{{_ROOT}{{{_DARK}}}}}
[data-jp-theme-light=true] {_ROOT},.vscode-light {_ROOT}{{{_LIGHT}}}
[data-jp-theme-light=false] {_ROOT},.vscode-dark {_ROOT}{{{_DARK}}}
{_ROOT} .scroll{{overflow-x:auto}}
{_ROOT} table{{border-collapse:collapse;border:0;margin:.4em 0;font-size:inherit;color:inherit}}
{_ROOT} tr,{_ROOT} tbody tr:nth-child(n){{background:none}}
{_ROOT} tbody tr:nth-child(odd){{background:var(--band)}}
{_ROOT} th,{_ROOT} td{{border:0;padding:0 .65em;text-align:left;vertical-align:middle;
 white-space:nowrap;font-weight:400}}
{_ROOT} th[scope=row]{{white-space:normal;overflow-wrap:anywhere;min-width:8em;max-width:22em;
 line-height:1.25}}
{_ROOT} thead th{{color:var(--soft);font-size:12px;padding-bottom:.3em;
 border-bottom:1px solid var(--rule)}}
{_ROOT} tbody tr:first-child>th[scope=row]{{font-weight:600}}
{_ROOT} .r{{text-align:right;font-variant-numeric:tabular-nums}}
{_ROOT} .plot{{padding:0 8px}} {_ROOT} .head{{text-align:center}}
{_ROOT} tbody .plot{{background-repeat:no-repeat;background-size:1px 100%;
 background-image:linear-gradient(var(--soft),var(--soft)),
 repeating-linear-gradient(var(--soft) 0 2px,transparent 2px 5px);
 background-position:calc(8px + var(--zero)) 0,calc(8px + var(--least)) 0}}
{_ROOT} svg{{display:block;max-width:none}}
{_ROOT} svg path{{fill:none;stroke:currentColor}}
{_ROOT} .zero{{stroke:var(--soft)!important}}
{_ROOT} .better{{--mark:var(--better)}} {_ROOT} .worse{{--mark:var(--worse)}}
{_ROOT} .undecided{{--mark:var(--undecided)}}
{_ROOT} .thin{{stroke:var(--mark)!important;stroke-width:1.2}}
{_ROOT} .thick{{stroke:var(--mark)!important;stroke-width:4}}
{_ROOT} .mark{{fill:var(--mark)!important;stroke:none}}
{_ROOT} .point{{stroke:var(--ground)!important;stroke-width:1.2}}
{_ROOT} .axis,{_ROOT} tfoot tr{{background:none!important}}
{_ROOT} text{{fill:var(--soft);font-size:11px}}
{_ROOT} .finding{{color:var(--mark)}} {_ROOT} .better .finding,{_ROOT} .worse .finding{{
 font-weight:600}}
{_ROOT} .why,{_ROOT} .notes,{_ROOT} .look,{_ROOT} .remedy,{_ROOT} .signature{{color:var(--soft);
 font-size:12.5px}}
{_ROOT} .why{{white-space:normal;max-width:26em}}
{_ROOT} p{{margin:.15em 0}}
{_ROOT} .verdict{{font-size:16px}}
{_ROOT} .verdict strong{{display:inline-block;padding:.1em .7em;margin-right:.4em;border-radius:4px;
 color:var(--ground);background:var(--undecided)}}
{_ROOT} .verdict.promote strong{{background:var(--better)}}
{_ROOT} .verdict.reject strong{{background:var(--worse)}}
{_ROOT} .findings td,{_ROOT} .findings th{{padding:.3em .65em;white-space:normal;max-width:52em;
 vertical-align:top}}
{_ROOT} .findings tr:first-child>th[scope=row]{{font-weight:400}}
{_ROOT} .findings th[scope=row]{{white-space:nowrap}}
{_ROOT} .failed td:first-child,{_ROOT} .insufficient td:first-child{{color:var(--worse)}}
{_ROOT} .passed td:first-child{{color:var(--better)}}
{_ROOT} code{{background:none;color:inherit;font-size:12px;overflow-wrap:anywhere}}
"""

PAGE = f"""
:root{{color-scheme:light dark}}
body{{margin:0 auto;max-width:1200px;padding:1.2em;background:#fff;color:#1f2328;
 font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}}
h1{{font-size:20px;font-weight:600;margin:.2em .8em}}
@media (prefers-color-scheme:dark){{body{{background:#16181d;color:#e6e6e6}}}}
{_ROOT}{{padding:.4em .9em}}
"""
