// {{ top }}_tb: checks {{ top }} against the golden model, with pauses at random on all its streams
// {{ mark }}
// build id  {{ build_id }}, {{ images }} images{{ about }}
// in Icarus:    iverilog -g2005 -o {{ top }}_tb.vvp {{ verilog }} {{ testbench }} && vvp -n {{ top }}_tb.vvp
// in Verilator: verilator --binary --top-module {{ top }}_tb {{ verilog }} {{ testbench }} && obj_dir/V{{ top }}_tb
// prints PASS and ends with status 0, or prints FAIL and ends with another; SEED decides when streams pause

/* verilator lint_off DECLFILENAME */ // a name that follows the file of the core
module {{ top }}_tb #(
    parameter [31:0] SEED = 32'd1,
    parameter [7:0] PAUSE = 8'd64 // chance of a pause, of 256, each cycle and stream
);
    localparam BEATS = {{ beats | length }}; // of all images
    localparam WORDS = {{ answers | length }}; // of all answers
    localparam PATIENCE = {{ patience }}; // clock cycles without a beat after which the gates are given up
    localparam SURPLUS = 5000; // clock cycles to wait for answers too many

    reg clk, reset;
    reg [{{ beat_bits - 1 }}:0] beats [0:BEATS-1];
    reg [{{ answer_bits - 1 }}:0] answers [0:WORDS-1];
    reg [{{ answer_bits - 1 }}:0] masks [0:WORDS-1]; // bits that do not depend on pauses
    reg [31:0] noise; // shifts thrice a cycle: its bytes of successive cycles have little in common
    reg [{{ beat_bits - 1 }}:0] beat;
    reg beat_valid, word_ready, held;
    reg [{{ answer_bits - 1 }}:0] previous;
    integer sent, taken, cycle, quiet, failures;
    wire beat_ready, word_valid;
    wire [{{ answer_bits - 1 }}:0] word;
{%- for name, width in wires %}
    wire [{{ width - 1 }}:0] {{ name }};
{%- endfor %}
    /* verilator lint_off PINCONNECTEMPTY */ // ports that are not checked
    {{ top }} dut (
{%- for name, signal in connections %}
        .{{ name }}({{ signal }}){{ "" if loop.last else "," }}
{%- endfor %}
    );
    /* verilator lint_on PINCONNECTEMPTY */
    assign word = {{ word }};

    function [31:0] shifted;
        input [31:0] from;
        reg [31:0] left, right;
        begin
            left = from ^ (from << 13);
            right = left ^ (left >> 17);
            shifted = right ^ (right << 5);
        end
    endfunction

    task complain;
        begin
            failures = failures + 1;
            if (failures <= 10)
                $display("clock cycle %0d, word %0d of the answers: expected %h, got %h, of the bits %h",
                    cycle, taken, answers[taken % WORDS], word, masks[taken % WORDS]);
        end
    endtask

    /* verilator lint_off BLKSEQ */ // nothing else reads these variables
    always @(posedge clk) begin
        noise <= shifted(noise);
        cycle = cycle + 1;
        quiet = quiet + 1;
        reset <= cycle < 4;
        if (reset) begin
            beat_valid <= 1'b0;
            word_ready <= 1'b0;
            held <= 1'b0;
        end else begin
            if (beat_valid && beat_ready) quiet = 0;
            if (!beat_valid || beat_ready) begin
                beat_valid <= sent < BEATS && noise[7:0] >= PAUSE;
                if (sent < BEATS && noise[7:0] >= PAUSE) begin
                    beat <= beats[sent];
                    sent = sent + 1;
                end
            end
            word_ready <= noise[23:16] >= PAUSE;
            held <= word_valid && !word_ready;
            previous <= word;
            if (held && (word_valid !== 1'b1 || word !== previous)) begin
                $display("clock cycle %0d: an answer changed while it was held up", cycle);
                failures = failures + 1;
            end
            if (word_valid && word_ready) begin
                if (taken >= WORDS || (word & masks[taken % WORDS]) !== answers[taken % WORDS]) complain;
                if (taken < WORDS) quiet = 0;
                taken = taken + 1;
            end
            if (taken >= WORDS ? quiet >= SURPLUS : quiet >= PATIENCE) begin
                if (taken < WORDS) begin
                    $display("the gates sent nothing more: %0d of %0d words have come", taken, WORDS);
                    failures = failures + 1;
                end
{%- if has_build_id %}
                if (build_id !== 64'h{{ build_id }}) begin
                    $display("build id: expected {{ build_id }}, got %h", build_id);
                    failures = failures + 1;
                end
{%- endif %}
                if (failures == 0) begin
                    $display("PASS: {{ images }} images in %0d clock cycles", cycle);
                    $finish;
                end else begin
                    $display("FAIL: %0d mistakes", failures);
                    $fatal(1);
                end
            end
        end
    end
    /* verilator lint_on BLKSEQ */

    initial begin
{%- for value in beats %}
        beats[{{ loop.index0 }}] = {{ beat_bits }}'h{{ value }};
{%- endfor %}
{%- for value, mask in answers %}
        answers[{{ loop.index0 }}] = {{ answer_bits }}'h{{ value }};
        masks[{{ loop.index0 }}] = {{ answer_bits }}'h{{ mask }};
{%- endfor %}
        noise = SEED == 32'd0 ? 32'd1 : SEED;
        sent = 0;
        taken = 0;
        cycle = 0;
        quiet = 0;
        failures = 0;
        reset = 1'b1;
        beat = {{ beat_bits }}'h0;
        beat_valid = 1'b0;
        word_ready = 1'b0;
        held = 1'b0;
        previous = {{ answer_bits }}'h0;
        clk = 1'b0;
        forever #5 clk = !clk;
    end
endmodule
