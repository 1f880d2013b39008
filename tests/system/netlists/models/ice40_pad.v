// A pin of the iCE40 without its registers. It stands in for Yosys' SB_IO, whose output is unknown in Icarus until it
// changes for the first time.
module PAD(
	inout PACKAGE_PIN,
	input LATCH_INPUT_VALUE, CLOCK_ENABLE, INPUT_CLK, OUTPUT_CLK, OUTPUT_ENABLE, D_OUT_0, D_OUT_1,
	output D_IN_0, D_IN_1
);
	parameter [5:0] PIN_TYPE = 0;
	parameter PULLUP = 0, NEG_TRIGGER = 0, IO_STANDARD = "SB_LVCMOS";

	assign D_IN_0 = PACKAGE_PIN;
	generate if (PIN_TYPE == 6'b011001) assign PACKAGE_PIN = D_OUT_0; endgenerate

	initial if (PIN_TYPE != 6'b011001 && PIN_TYPE != 6'b000001) $fatal(1, "%m: no model of PIN_TYPE %b", PIN_TYPE);
endmodule
