// The ECP5's logic as Yosys leaves it, then as nextpnr-ecp5 does with every input connected (tests/system/netlists.py);
// what is not modelled ends the simulation. Written from Yosys' lattice/common_sim.vh, which Icarus does not read, and
// nextpnr's ecp5/cells.cc, pack.cc and bitstream.cc. (Yosys' TRELLIS_FF knows no M, and its TRELLIS_COMB drives no FCO.)

module LUT4(input A, B, C, D, output Z);
	parameter [15:0] INIT = 16'h0;

	// An unknown input matters only where the output depends on it.
	wire [7:0] d = D ? INIT[15:8] : INIT[7:0];
	wire [3:0] c = C ? d[7:4] : d[3:0];
	wire [1:0] b = B ? c[3:2] : c[1:0];
	assign Z = A ? b[1] : b[0];
endmodule

module PFUMX(input ALUT, BLUT, C0, output Z);
	assign Z = C0 ? ALUT : BLUT;
endmodule

module L6MUX21(input D0, D1, SD, output Z);
	assign Z = SD ? D1 : D0;
endmodule

module CCU2C(input CIN, A0, B0, C0, D0, A1, B1, C1, D1, output S0, S1, COUT);
	parameter [15:0] INIT0 = 16'h0, INIT1 = 16'h0;
	parameter INJECT1_0 = "YES", INJECT1_1 = "YES";

	wire carry;
	TRELLIS_COMB #(.MODE("CCU2"), .INITVAL(INIT0), .CCU2_INJECT1(INJECT1_0))
		low (.A(A0), .B(B0), .C(C0), .D(D0), .FCI(CIN), .F(S0), .FCO(carry));
	TRELLIS_COMB #(.MODE("CCU2"), .INITVAL(INIT1), .CCU2_INJECT1(INJECT1_1))
		high (.A(A1), .B(B1), .C(C1), .D(D1), .FCI(carry), .F(S1), .FCO(COUT));
endmodule

module TRELLIS_DPR16X4(input [3:0] DI, WAD, RAD, input WRE, WCK, output [3:0] DO);
	parameter WCKMUX = "WCK", WREMUX = "WRE";
	parameter [63:0] INITVAL = 64'h0;

	reg [63:0] memory = INITVAL;
	always @(posedge WCK) if (WRE) memory[4 * WAD +: 4] <= DI;
	assign DO = memory[4 * RAD +: 4];

	initial if (WREMUX != "WRE" || WCKMUX != "WCK") $fatal(1, "%m: no model of inverted inputs");
endmodule

// A LUT, or half an adder, or a column of a small memory; and a multiplexer behind it.
module TRELLIS_COMB(
	input A, B, C, D, M, FCI, F1, FXA, FXB, DI0, DI1, WD, WAD0, WAD1, WAD2, WAD3, WRE, WCK,
	output F, FCO, OFX
);
	parameter MODE = "LOGIC", CCU2_INJECT1 = "NO", WREMUX = "WRE", WCKMUX = "WCK";
	parameter [15:0] INITVAL = 16'h0;
	parameter WIDE = 0; // the multiplexer is between FXA and FXB, not between this LUT and the next

	generate
		if (MODE == "DPRAM") begin
			reg [15:0] memory = INITVAL;
			always @(posedge WCK) if (WRE) memory[{WAD0, WAD2, WAD1, WAD3}] <= WD;
			assign F = memory[{D, C, B, A}];
		end else begin
			wire z, generated;
			LUT4 #(.INIT(INITVAL)) lut (.A(A), .B(B), .C(C), .D(D), .Z(z));
			if (MODE == "CCU2") begin
				// With CCU2_INJECT1, a carry passes by: neither seen nor generated here.
				LUT4 #(.INIT(INITVAL)) low (.A(A), .B(B), .C(1'b0), .D(1'b0), .Z(generated));
				assign F = z ^ (CCU2_INJECT1 == "NO" && FCI);
				assign FCO = z ? FCI : CCU2_INJECT1 == "NO" && generated;
			end else assign F = z;
		end
	endgenerate
	assign OFX = WIDE ? (M ? FXB : FXA) : (M ? F1 : F);

	initial begin
		if (MODE != "LOGIC" && MODE != "CCU2" && MODE != "DPRAM" && MODE != "RAMW_BLOCK")
			$fatal(1, "%m: no model of MODE %0s", MODE);
		if (WREMUX != "WRE" || WCKMUX != "WCK") $fatal(1, "%m: no model of inverted inputs");
	end
endmodule

// Where the inputs of two LUTs go when the slice beside is a memory.
module TRELLIS_RAMW(
	input A0, B0, C0, D0, A1, B1, C1, D1,
	output WADO0, WADO1, WADO2, WADO3, WDO0, WDO1, WDO2, WDO3
);
	assign {WADO3, WADO2, WADO1, WADO0} = {A0, C0, B0, D0};
	assign {WDO3, WDO2, WDO1, WDO0} = {B1, D1, A1, C1};
endmodule

module TRELLIS_FF(input CLK, LSR, CE, DI, M, output reg Q);
	parameter GSR = "DISABLED", CLKMUX = "CLK", LSRMUX = "LSR", LSRMODE = "LSR";
	parameter CEMUX = "CE", REGSET = "RESET", SRMODE = "LSR_OVER_CE", SD = "1";

	localparam VALUE = REGSET == "SET";
	wire d = SD == "1" ? DI : M;
	wire enabled = CEMUX == "1" || CE;

	initial Q = VALUE;
	always @(posedge CLK) if (LSR) Q <= VALUE; else if (enabled) Q <= d;

	initial begin
		if (GSR != "DISABLED" || LSRMODE != "LSR" || SRMODE != "LSR_OVER_CE")
			$fatal(1, "%m: no model of GSR %0s, LSRMODE %0s, SRMODE %0s", GSR, LSRMODE, SRMODE);
		if (CLKMUX != "CLK" || LSRMUX != "LSR" || CEMUX != "CE" && CEMUX != "1")
			$fatal(1, "%m: no model of inverted inputs");
	end
endmodule

module TRELLIS_IO(inout B, input I, T, IOLDO, IOLTO, output O);
	parameter DIR = "INPUT", DATAMUX_ODDR = "PADDO", DATAMUX_MDDR = "PADDO";

	assign O = B;
	generate if (DIR == "OUTPUT") assign B = I; endgenerate

	initial if (DIR != "INPUT" && DIR != "OUTPUT" || DATAMUX_ODDR != "PADDO" || DATAMUX_MDDR != "PADDO")
		$fatal(1, "%m: no model of DIR %0s or of its registers", DIR);
endmodule

module DCCA(input CLKI, CE, output CLKO);
	assign CLKO = CLKI;

	initial #1 if (CE !== 1) $fatal(1, "%m: no model of a gated clock");
endmodule
