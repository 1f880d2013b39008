// Block RAM and multiplier of the ECP5, of which Yosys has no models, as far as its synth_ecp5 makes use of them; what is
// not modelled ends the simulation. Written from what Yosys (lattice/brams_16kd.txt, brams_map_16kd.v, dsp_map_18x18.v)
// and nextpnr (ecp5/bitstream.cc) take the cells to be; Lattice describes them in FPGA-TN-02204 and FPGA-TN-02205.

// 1024 words of 18 bits, addressed in bits: a port of 2^n bits leaves the address' lowest n bits out, where a byte counts
// as 8 bits, though ports of 9 bits and more reach its ninth. From 18 bits on, those lowest bits enable the bytes of a
// write. A port A of 36 bits only writes, and port B only reads then; the upper halves of data are on the other port's
// pins. What a port reads or writes while the other one writes the same byte is unknown.
module DP16KD(
	input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1,
		DIA0, ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
	input CLKA, CEA, OCEA, WEA, RSTA, CSA2, CSA1, CSA0,
	input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1,
		DIB0, ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
	input CLKB, CEB, OCEB, WEB, RSTB, CSB2, CSB1, CSB0,
	output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1,
		DOA0,
	output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1,
		DOB0
);
	parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18;
	parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG";
	parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC";
	parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000";
	parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL";
	parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB";
	parameter GSR = "DISABLED";
	parameter [319:0]
		INITVAL_00 = 320'h0, INITVAL_01 = 320'h0, INITVAL_02 = 320'h0, INITVAL_03 = 320'h0,
		INITVAL_04 = 320'h0, INITVAL_05 = 320'h0, INITVAL_06 = 320'h0, INITVAL_07 = 320'h0,
		INITVAL_08 = 320'h0, INITVAL_09 = 320'h0, INITVAL_0A = 320'h0, INITVAL_0B = 320'h0,
		INITVAL_0C = 320'h0, INITVAL_0D = 320'h0, INITVAL_0E = 320'h0, INITVAL_0F = 320'h0,
		INITVAL_10 = 320'h0, INITVAL_11 = 320'h0, INITVAL_12 = 320'h0, INITVAL_13 = 320'h0,
		INITVAL_14 = 320'h0, INITVAL_15 = 320'h0, INITVAL_16 = 320'h0, INITVAL_17 = 320'h0,
		INITVAL_18 = 320'h0, INITVAL_19 = 320'h0, INITVAL_1A = 320'h0, INITVAL_1B = 320'h0,
		INITVAL_1C = 320'h0, INITVAL_1D = 320'h0, INITVAL_1E = 320'h0, INITVAL_1F = 320'h0,
		INITVAL_20 = 320'h0, INITVAL_21 = 320'h0, INITVAL_22 = 320'h0, INITVAL_23 = 320'h0,
		INITVAL_24 = 320'h0, INITVAL_25 = 320'h0, INITVAL_26 = 320'h0, INITVAL_27 = 320'h0,
		INITVAL_28 = 320'h0, INITVAL_29 = 320'h0, INITVAL_2A = 320'h0, INITVAL_2B = 320'h0,
		INITVAL_2C = 320'h0, INITVAL_2D = 320'h0, INITVAL_2E = 320'h0, INITVAL_2F = 320'h0,
		INITVAL_30 = 320'h0, INITVAL_31 = 320'h0, INITVAL_32 = 320'h0, INITVAL_33 = 320'h0,
		INITVAL_34 = 320'h0, INITVAL_35 = 320'h0, INITVAL_36 = 320'h0, INITVAL_37 = 320'h0,
		INITVAL_38 = 320'h0, INITVAL_39 = 320'h0, INITVAL_3A = 320'h0, INITVAL_3B = 320'h0,
		INITVAL_3C = 320'h0, INITVAL_3D = 320'h0, INITVAL_3E = 320'h0, INITVAL_3F = 320'h0;

	localparam PAIR = DATA_WIDTH_A == 36;
	localparam [20479:0] INIT = {
		INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
		INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
		INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
		INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
		INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
		INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
		INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
		INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00
	};

	wire [27:0] address = {
		ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
		ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0
	};
	wire [35:0] data = {
		DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0,
		DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0
	};
	wire [1:0] clock = {CLKB ^ (CLKBMUX == "INV"), CLKA ^ (CLKAMUX == "INV")};
	wire [1:0] selected = {CEB && {CSB2, CSB1, CSB0} == 0, CEA && {CSA2, CSA1, CSA0} == 0};
	wire [1:0] writes = {WEB, WEA || PAIR};
	wire [1:0] reset = {RSTB, RSTA};
	wire [1:0] keeps = {OCEB, OCEA};

	reg [8:0] bytes [0:2047];
	wire [21:0] first; // byte that each port names
	wire [7:0] writing; // bytes from there on that it writes at this edge
	reg [71:0] read = 0;
	reg [71:0] kept = 0; // the output registers
	wire [71:0] shown;

	integer n;
	initial begin
		for (n = 0; n < 1024; n = n + 1) {bytes[2 * n + 1], bytes[2 * n]} = INIT[20 * n +: 18];
		if (DATA_WIDTH_B == 36 && REGMODE_A != REGMODE_B) $fatal(1, "%m: no model of half an output register");
		if ({CSDECODE_A, CSDECODE_B} != {"0b000", "0b000"}) $fatal(1, "%m: no model of CSDECODE");
		if (RESETMODE != "SYNC" && RESETMODE != "ASYNC") $fatal(1, "%m: no model of RESETMODE %s", RESETMODE);
		if (GSR != "DISABLED") $fatal(1, "%m: no model of GSR");
		if (DATA_WIDTH_B == 36 && !PAIR) $fatal(1, "%m: port B cannot be wider than port A here");
	end

	genvar p;
	generate for (p = 0; p < 2; p = p + 1) begin : port
		localparam WIDTH = p ? DATA_WIDTH_B : DATA_WIDTH_A;
		localparam BYTES = WIDTH < 9 ? 1 : WIDTH / 9;
		localparam [8:0] MASK = WIDTH < 9 ? (1 << WIDTH) - 1 : 511;
		localparam [127:0] MODE = p ? WRITEMODE_B : WRITEMODE_A;

		wire [3:0] all = (1 << BYTES) - 1;
		wire [3:0] enabled = BYTES == 1 ? all : all & address[14 * p +: 4];
		wire [3:0] shift = WIDTH < 9 ? address[14 * p +: 3] & ~(WIDTH - 1) : 0;
		assign first[11 * p +: 11] = address[14 * p + 3 +: 11] & ~(BYTES - 1);
		assign writing[4 * p +: 4] = selected[p] && writes[p] && !reset[p] ? enabled : 0;

		wire [3:0] others = writing[4 * (1 - p) +: 4];

		integer k;
		reg [10:0] place, apart;
		reg [8:0] old, written;
		reg clash;
		always @(posedge clock[p]) begin
			for (k = 0; k < BYTES; k = k + 1) begin
				place = first[11 * p +: 11] + k;
				apart = place - first[11 * (1 - p) +: 11];
				clash = others != 0 && apart < 4 && others[apart[1:0]];
				old = bytes[place];
				written = old & ~(MASK << shift) | (data[18 * p + 9 * k +: 9] & MASK) << shift;
				if (writing[4 * p + k]) bytes[place] <= clash ? 9'bx : written;
				else written = old;
				if (selected[p] && (MODE != "NORMAL" || !writes[p]))
					read[36 * p + 9 * k +: 9] <= clash ? 9'bx : (MODE == "WRITETHROUGH" ? written : old) >> shift & MASK;
			end
			if (reset[p] && RESETMODE == "SYNC") read[36 * p +: 36] <= 0;
			if (selected[p] && others != 0 && clock[0] !== clock[1]) $fatal(1, "%m: no model of two clocks");
			if (PAIR && p == 1 && writes[p]) $fatal(1, "%m: a port of 36 bits beside one that writes");
		end
		localparam [63:0] REGMODE = p ? REGMODE_B : REGMODE_A;
		assign shown[36 * p +: 36] = REGMODE == "OUTREG" ? kept[36 * p +: 36] : read[36 * p +: 36];
		always @(posedge clock[p]) begin
			if (keeps[p]) kept[36 * p +: 36] <= read[36 * p +: 36];
			if (reset[p] && REGMODE == "OUTREG") $fatal(1, "%m: no model of a reset of the output register");
		end
		always @(posedge reset[p]) if (RESETMODE == "ASYNC") $fatal(1, "%m: no model of an asynchronous reset");
		initial begin
			if (REGMODE != "NOREG" && REGMODE != "OUTREG") $fatal(1, "%m: no model of REGMODE %0s", REGMODE);
			if (WIDTH != 1 && WIDTH != 2 && WIDTH != 4 && WIDTH != 9 && WIDTH != 18 && WIDTH != 36)
				$fatal(1, "%m: no model of a width of %0d", WIDTH);
			if (MODE != "NORMAL" && MODE != "WRITETHROUGH" && MODE != "READBEFOREWRITE")
				$fatal(1, "%m: no model of WRITEMODE %0s", MODE);
		end
	end endgenerate

	assign {
		DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0
	} = !PAIR ? shown[17:0] : DATA_WIDTH_B == 36 ? shown[53:36] : 18'bx;
	assign {
		DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0
	} = DATA_WIDTH_B == 36 ? shown[71:54] : shown[53:36];
endmodule

// A times B; of the registers around it, the one behind, in the clock CLK0 whenever CE0 allows.
module MULT18X18D(
	input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0, B17, B16, B15, B14, B13, B12,
		B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0, C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4,
		C3, C2, C1, C0,
	input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
	input CLK0, CLK1, CLK2, CLK3, CE0, CE1, CE2, CE3, RST0, RST1, RST2, RST3,
	input SRIA17, SRIA16, SRIA15, SRIA14, SRIA13, SRIA12, SRIA11, SRIA10, SRIA9, SRIA8, SRIA7, SRIA6, SRIA5, SRIA4,
		SRIA3, SRIA2, SRIA1, SRIA0, SRIB17, SRIB16, SRIB15, SRIB14, SRIB13, SRIB12, SRIB11, SRIB10, SRIB9, SRIB8, SRIB7,
		SRIB6, SRIB5, SRIB4, SRIB3, SRIB2, SRIB1, SRIB0,
	output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15, P14,
		P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0,
	output SIGNEDP, SROA17, SROA16, SROA15, SROA14, SROA13, SROA12, SROA11, SROA10, SROA9, SROA8, SROA7, SROA6, SROA5,
		SROA4, SROA3, SROA2, SROA1, SROA0, SROB17, SROB16, SROB15, SROB14, SROB13, SROB12, SROB11, SROB10, SROB9, SROB8,
		SROB7, SROB6, SROB5, SROB4, SROB3, SROB2, SROB1, SROB0, ROA17, ROA16, ROA15, ROA14, ROA13, ROA12, ROA11, ROA10,
		ROA9, ROA8, ROA7, ROA6, ROA5, ROA4, ROA3, ROA2, ROA1, ROA0, ROB17, ROB16, ROB15, ROB14, ROB13, ROB12, ROB11, ROB10,
		ROB9, ROB8, ROB7, ROB6, ROB5, ROB4, ROB3, ROB2, ROB1, ROB0, ROC17, ROC16, ROC15, ROC14, ROC13, ROC12, ROC11, ROC10,
		ROC9, ROC8, ROC7, ROC6, ROC5, ROC4, ROC3, ROC2, ROC1, ROC0
);
	parameter REG_INPUTA_CLK = "NONE", REG_INPUTB_CLK = "NONE", REG_INPUTC_CLK = "NONE";
	parameter REG_PIPELINE_CLK = "NONE", REG_OUTPUT_CLK = "NONE";

	wire signed [18:0] a = {SIGNEDA & A17, A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
	wire signed [18:0] b = {SIGNEDB & B17, B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
	wire signed [37:0] product = a * b;
	reg [35:0] kept = 0;
	always @(posedge CLK0) if (CE0) kept <= product;
	assign {
		P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15, P14, P13,
		P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
	} = REG_OUTPUT_CLK == "CLK0" ? kept : product;

	initial begin
		if ({REG_INPUTA_CLK, REG_INPUTB_CLK, REG_INPUTC_CLK, REG_PIPELINE_CLK} != {"NONE", "NONE", "NONE", "NONE"})
			$fatal(1, "%m: no model of the other registers");
		if (REG_OUTPUT_CLK != "NONE" && REG_OUTPUT_CLK != "CLK0") $fatal(1, "%m: no model of REG_OUTPUT_CLK %0s", REG_OUTPUT_CLK);
	end
	always @(posedge RST0) if (REG_OUTPUT_CLK != "NONE") $fatal(1, "%m: no model of a reset of the output register");
	always @(SOURCEA, SOURCEB) if (SOURCEA || SOURCEB) $fatal(1, "%m: no model of the shift inputs");
endmodule
