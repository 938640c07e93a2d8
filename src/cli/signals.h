#pragma once
// signals.h — signals as values. Blocks them in every thread and waits for them in one of its own:
// make it before any other thread exists.
#include <atomic>
#include <stop_token>
#include <thread>

namespace rehome::cli {

/// SIGINT, SIGTERM: the first asks to stop, the second ends the process at once with 128 + signal
/// (a resume heals what that leaves). SIGHUP is counted. SIGPIPE is ignored: a closed pipe is a
/// write error. SIGABRT, with which a CHECK or an escaped exception ends when it has said what it
/// is, becomes exit code 70.
class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();
  [[nodiscard]] std::stop_token stop() const { return stop_.get_token(); }
  [[nodiscard]] const std::atomic<unsigned>& hangups() const { return hangups_; }

 private:
  void Wait();

  std::stop_source stop_;
  std::atomic<unsigned> hangups_{0};
  std::atomic<bool> ending_{false};
  std::thread waiter_;
};

}  // namespace rehome::cli
