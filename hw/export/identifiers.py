"""Names of modules that any Verilog tool takes."""

import re

from captwin.hw.support.errors import CaptwinError
from captwin.hw.support.names import printable

LENGTH = 64
#: between the names of a module and of what it is a part of; no top's name holds it, so that no two cores' parts meet
JOINT = "__"
_WORDS = """
accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin bind
bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config
const constraint context continue cover covergroup coverpoint cross deassign default defparam design disable
dist do edge else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup
endinterface endmodule endpackage endprimitive endprogram endproperty endspecify endsequence endtable endtask
enum event eventually expect export extends extern final first_match for force foreach forever fork forkjoin
function generate genvar global highz0 highz1 if iff ifnone ignore_bins illegal_bins implements implies import
incdir include initial inout input inside instance int integer interconnect interface intersect join join_any
join_none large let liblist library local localparam logic longint macromodule matches medium modport module
nand negedge nettype new nexttime nmos nor noshowcancelled not notif0 notif1 null or output package packed
parameter pmos posedge primitive priority program property protected pull0 pull1 pulldown pullup
pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos real realtime ref reg
reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1 s_always s_eventually s_nexttime
s_until s_until_with scalared sequence shortint shortreal showcancelled signed small soft solve specify
specparam static string strong strong0 strong1 struct super supply0 supply1 sync_accept_on sync_reject_on table
tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg
type typedef union unique unique0 unsigned until until_with untyped use uwire var vectored virtual void wait
wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor
"""
#: reserved by IEEE 1800-2017, annex B, which holds those of Verilog too
KEYWORDS = frozenset(_WORDS.split())


def check_identifier(value: str, what: str) -> str:
    """``value``, if it can name a module; :class:`CaptwinError` that names ``what`` if not."""
    if not re.fullmatch(rf"[A-Za-z][A-Za-z0-9_]{{0,{LENGTH - 1}}}", value) or JOINT in value or value.endswith("_"):
        raise CaptwinError(
            f"{what}: expected a Verilog name (1 to {LENGTH} ASCII letters, digits and single underscores between "
            f"them, a letter first), got {printable(value)}"
        )
    if value.lower() in KEYWORDS:
        raise CaptwinError(f"{what}: {value} is a keyword of Verilog; choose another name")
    return value
