"""Words that several verbs and pages use for the same things."""

#: what the energy of an inference takes for granted
ASSUMPTIONS = (
    "columns held while rows swing, buffers of a third of their load, all time steps run; encoder and readout counters"
    " left out (docs/energy.md)"
)
#: what people call the parts of an energy
PART_LABELS = {
    "rows": "row lines",
    "quiet_rows": "quiet row lines",
    "bias_rows": "bias lines",
    "neurons": "neurons",
    "clock": "clock",
}
