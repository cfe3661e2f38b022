"""The one stylesheet of the pages. Colours help, words and signs carry the meaning; both themes inherit the ink."""

from __future__ import annotations

STYLE = """<style>
[data-testid="stHeader"]{display:none}
[data-testid="stMainBlockContainer"]{padding:1rem clamp(1rem,4vw,4rem) 3rem;max-width:86rem}
[data-testid="stMainBlockContainer"] h1{font-size:1.75rem;padding:.25rem 0}
[data-testid="stMainBlockContainer"] h2,[data-testid="stMainBlockContainer"] h3{font-size:1.2rem;padding:.25rem 0}
[data-testid="InputInstructions"]{display:none}
[data-testid="stPageLink"]:not(.st-key-navigation *) a{padding-left:0;background:none;line-height:1.35}
[data-testid="stPageLink"] a,[data-testid="stPageLink"] p{white-space:normal;overflow:visible;overflow-wrap:anywhere}
[data-testid="stPageLink"] p{line-height:1.35}
[data-testid="stPageLink"] a:hover p{text-decoration:underline}
[class*="st-key-row-"]{border-bottom:1px solid color-mix(in srgb,currentColor 15%,transparent);padding-bottom:.35rem}
[class*="st-key-row-"] [data-testid="stPageLink"] p{text-decoration:underline;text-decoration-thickness:1px;
text-underline-offset:3px}
[data-testid="stCaptionContainer"]{color:inherit!important;opacity:.85!important}
[data-testid="stCaptionContainer"] p{color:inherit;opacity:1}
.wb-title.wb-title{font-size:.95rem;font-weight:600;line-height:1.25;margin:0;padding:0}
.wb-line{display:flex;flex-wrap:wrap;align-items:center;gap:.15rem .7rem}
.wb-states{display:flex;flex-wrap:wrap;gap:.4rem;margin:0}
.wb-ends{display:flex;justify-content:space-between;font-size:.75rem;line-height:1.3;opacity:.8}
.wb-foot{margin-top:.3rem}
.wb-foot+.wb-foot{margin-top:0}
.wb-value{font-size:2.1rem;font-weight:650;line-height:1.2;font-variant-numeric:tabular-nums}
.wb-money{font-size:1rem;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.wb-small{font-size:.82rem;opacity:.85;line-height:1.4}
.wb-state{display:inline-block;font-size:.78rem;font-weight:650;padding:.05rem .5rem;border-radius:1rem;color:#fff}
.wb-bars{margin-top:.4rem}
.wb-bar{display:grid;grid-template-columns:minmax(0,1fr) 30% 2.8rem;gap:.5rem;align-items:center;font-size:.82rem;
line-height:1.3;padding:.1rem 0}
.wb-bar span{overflow-wrap:anywhere}
.wb-bar i{display:block;height:.5rem;border-radius:.25rem;background:currentColor;opacity:.45}
.wb-bar b{text-align:right;font-variant-numeric:tabular-nums}
.wb-sentence{font-size:1.3rem;line-height:1.4;font-weight:500;max-width:60rem;margin:0}
.wb-steps{list-style:none;margin:0;padding:0 0 0 .7rem}
.wb-steps li{position:relative;padding:0 0 .8rem 1.2rem;line-height:1.35;font-size:.92rem;overflow-wrap:anywhere;
border-left:2px solid color-mix(in srgb,currentColor 25%,transparent)}
.wb-steps li:last-child{border-left-color:transparent}
.wb-steps small{opacity:.85;display:block}
.wb-sign{position:absolute;left:-.65rem;top:.05rem;width:1.15rem;height:1.15rem;border-radius:50%;color:#fff;
font-size:.75rem;font-weight:700;line-height:1.15rem;text-align:center;background:#177a4e}
.wb-refused .wb-sign{background:#c0392b}
.wb-unknown .wb-sign,.wb-withheld .wb-sign{background:#9a5f0b}
.wb-repeat .wb-sign{background:#5b6b70}
dl.wb-facts.wb-facts{display:grid;padding:0;margin:0;
grid-template-columns:minmax(7rem,11rem) minmax(0,1fr);font-size:.9rem;line-height:1.4}
.wb-facts.wb-facts dt,.wb-facts.wb-facts dd{margin:0;padding:.3rem .6rem .3rem 0;
border-bottom:1px solid color-mix(in srgb,currentColor 15%,transparent)}
.wb-facts dt{opacity:.85}
.wb-facts dd{overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.wb-list{margin:0;padding-left:1.2rem;font-size:.9rem;line-height:1.5;overflow-wrap:anywhere}
.st-key-graph-across,.st-key-graph-down{overflow-x:auto;overflow-y:hidden}
.st-key-graph-across svg,.st-key-graph-down svg{max-width:none}
.st-key-graph-down{display:none}
.wb-spark{display:block;width:100%;height:2.75rem;margin:.4rem 0 .1rem}
.wb-change{display:block;font-size:.82rem;line-height:1.4}
.wb-change.wb-good{color:#177a4e;color:light-dark(#146b44,#5fd39b);font-weight:600}
.wb-change.wb-bad{color:#c0392b;color:light-dark(#b03022,#ff8d80);font-weight:600}
.wb-note{margin:0;font-size:.88rem;line-height:1.4;padding:.35rem .7rem;border-left:3px solid #9a5f0b;
background:color-mix(in srgb,#9a5f0b 9%,transparent)}
.wb-pill{display:inline-block;font-size:.8rem;font-weight:600;line-height:1.35;padding:.05rem .5rem;
border-radius:.8rem;border:1px solid color-mix(in srgb,currentColor 35%,transparent)}
.wb-is-good{background:#177a4e;border-color:#177a4e;color:#fff}
.wb-is-watch{background:#9a5f0b;border-color:#9a5f0b;color:#fff}
.wb-is-bad{background:#c0392b;border-color:#c0392b;color:#fff}
table.wb-table.wb-table{width:100%;border-collapse:collapse;font-size:.88rem;line-height:1.4;margin:0 0 .5rem}
.wb-table caption{text-align:left;font-weight:600;font-size:.95rem;padding:.2rem 0}
.wb-table.wb-table th,.wb-table.wb-table td{border:0;
border-bottom:1px solid color-mix(in srgb,currentColor 15%,transparent);
text-align:left;vertical-align:top;padding:.35rem .7rem .35rem 0;overflow-wrap:anywhere}
.wb-table.wb-table th{font-weight:600;opacity:.85;overflow-wrap:normal}
.wb-table.wb-table .wb-number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;
padding-right:1.5rem}
.wb-table.wb-table .wb-whole{white-space:nowrap;padding-right:1.25rem}
.wb-bars{max-width:46rem}
.wb-difference{border-top:1px solid color-mix(in srgb,currentColor 20%,transparent);padding:.6rem 0 .7rem}
.wb-difference h4{font-size:1rem;line-height:1.4;font-weight:600;margin:0;padding:0;overflow-wrap:anywhere}
.wb-difference p{margin:.2rem 0;font-size:.9rem;line-height:1.45;max-width:60rem;overflow-wrap:anywhere}
.wb-difference p.wb-small{font-size:.82rem}
.wb-witness code{overflow-wrap:anywhere;white-space:pre-wrap}
.wb-diff{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);column-gap:1rem;max-width:72rem;margin:.4rem 0;
font-size:.8rem;line-height:1.5}
.wb-diff span{font-family:ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;padding:0 .4rem 0 1.3rem;
position:relative}
.wb-diff .wb-same,.wb-diff .wb-none{background:color-mix(in srgb,currentColor 4%,transparent)}
.wb-diff .wb-gone{background:color-mix(in srgb,#c0392b 18%,transparent)}
.wb-diff .wb-new{background:color-mix(in srgb,#177a4e 18%,transparent)}
.wb-diff .wb-gone::before,.wb-diff .wb-new::before{position:absolute;left:.35rem;font-weight:700}
.wb-diff .wb-gone::before{content:"−"}
.wb-diff .wb-new::before{content:"+"}
@media (max-width:640px){
[data-testid="stButtonGroup"] button,[data-testid="stExpander"] summary,[data-baseweb="select"]>div,
[data-testid="stTextInputRootElement"]{min-height:2.5rem}
[data-testid="stPageLink"] a{min-height:2.5rem;align-items:center}
.st-key-navigation{gap:.1rem .4rem!important}
.st-key-narrowing [data-testid="stElementContainer"]{
flex:1 1 calc(50% - .5rem)!important;width:auto!important;min-width:0!important}
.wb-table thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.wb-table tbody,.wb-table tr,.wb-table caption{display:block}
.wb-table tr{padding:.5rem 0;border-bottom:1px solid color-mix(in srgb,currentColor 25%,transparent)}
.wb-table.wb-table td,.wb-table.wb-table .wb-number,.wb-table.wb-table .wb-whole{
display:grid;grid-template-columns:7.5rem minmax(0,1fr);gap:.6rem;
border:0;padding:.1rem 0;text-align:left;justify-items:start}
.wb-table.wb-table .wb-whole{white-space:normal}
.wb-table td::before{content:attr(data-label);opacity:.85;font-weight:600}
.wb-diff{grid-template-columns:minmax(0,1fr)}
.wb-diff .wb-none,.wb-diff .wb-twin{display:none}
.st-key-graph-across{display:none}
.st-key-graph-down{display:flex}
.wb-sentence{font-size:1.1rem}
dl.wb-facts.wb-facts{grid-template-columns:1fr}
.wb-facts.wb-facts dt{border-bottom:0;padding-bottom:0;font-weight:600}
}
</style>"""
