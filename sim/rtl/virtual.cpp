// Runs a linked core that Verilator compiled, with its line on a file descriptor: a board for whoever opens the other end.
//
//     program BIT DESCRIPTOR IDLE
//
// BIT is how many clock cycles a bit lasts at this end, which need not be what it lasts at the device's, nor be whole.
// Time stands still while nothing is on the line either way and has not been for IDLE bits, so that a board that nobody
// talks to takes no processor time.

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>

#include "Vcore.h"
#include "verilated.h"

constexpr int BURST = 64;  // bits between two looks at the descriptor

// The line to the device: bytes become levels.
class Sender {
public:
    explicit Sender(double bit) : bit_(bit) {}
    void add(const uint8_t* bytes, size_t count) { bytes_.insert(bytes_.end(), bytes, bytes + count); }
    bool busy() const { return left_ || !bytes_.empty(); }

    bool level() {
        if (time_ < end_) return time_ += 1, level_;
        if (!left_) {
            if (bytes_.empty()) return level_ = true;
            frame_ = 0x200 | bytes_.front() << 1;
            bytes_.pop_front();
            left_ = 10;
            time_ = end_ = 0;
        }
        level_ = frame_ & 1;
        frame_ >>= 1;
        --left_;
        end_ += bit_;
        time_ += 1;
        return level_;
    }

private:
    const double bit_;
    std::deque<uint8_t> bytes_;
    double time_ = 0, end_ = 0;  // in cycles from the start bit on: now, and when the bit ends
    int frame_ = 0, left_ = 0;   // bits yet to come, and how many
    bool level_ = true;
};

// The line from the device: levels become bytes.
class Receiver {
public:
    explicit Receiver(double bit) : bit_(bit) {}
    bool busy() const { return time_ >= 0; }

    // The byte whose stop bit has been seen in this cycle, or -1.
    int byte(bool level) {
        if (time_ < 0) {
            if (!level) time_ = 0, number_ = 0, frame_ = 0;
            return -1;
        }
        time_ += 1;
        if (time_ < (number_ + 0.5) * bit_) return -1;
        frame_ |= level << number_++;
        if (number_ < 10) return -1;
        time_ = -1;
        return frame_ >> 1 & 0xff;
    }

private:
    const double bit_;
    double time_ = -1;  // in cycles from the start bit on
    int number_ = 0, frame_ = 0;
};

int main(int, char** arguments) {
    const double bit = std::atof(arguments[1]);
    const int line = std::atoi(arguments[2]);
    const double idle = std::atoi(arguments[3]) * bit;  // cycles
    const auto context = std::make_unique<VerilatedContext>();
    const auto core = std::make_unique<Vcore>(context.get());
    const auto tick = [&] {
        core->clk = 0;
        core->eval();
        core->clk = 1;
        core->eval();
    };
    core->rx = 1;
    core->rst = 1;
    for (int n = 0; n < 4; ++n) tick();
    core->rst = 0;

    Sender sender(bit);
    Receiver receiver(bit);
    double silence = 0;  // cycles
    while (true) {
        pollfd waiting{line, POLLIN, 0};
        const int ready = poll(&waiting, 1, silence < idle ? 0 : -1);
        if (ready < 0 && errno != EINTR) return 1;
        if (ready > 0) {
            uint8_t bytes[4096];
            const ssize_t count = read(line, bytes, sizeof bytes);
            if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) return 0;
            if (count > 0) sender.add(bytes, count);
        }
        for (int cycle = 0; cycle < BURST * bit; ++cycle) {
            silence = sender.busy() || receiver.busy() ? 0 : silence + 1;
            core->rx = sender.level();
            tick();
            const int got = receiver.byte(core->tx);
            if (got < 0) continue;
            const uint8_t byte = got;
            while (write(line, &byte, 1) < 0)
                if (errno != EINTR && errno != EAGAIN) return 0;
        }
    }
}
