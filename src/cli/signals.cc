#include "cli/signals.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>

#include "base/error.h"
#include "cli/exit_codes.h"

namespace rehome::cli {
namespace {

/// SIGUSR1 is our own: the destructor wakes the waiting thread with it.
sigset_t Watched() {
  sigset_t signals{};
  static_cast<void>(sigemptyset(&signals));
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    static_cast<void>(sigaddset(&signals, signal));
  }
  return signals;
}

}  // namespace

Signals::Signals() {
  const sigset_t signals = Watched();
  CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0);
  CHECK(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
  CHECK(std::signal(SIGABRT, [](int) { ::_exit(kExitBug); }) != SIG_ERR);
  waiter_ = std::thread([this] { Wait(); });
}

Signals::~Signals() {
  ending_ = true;
  static_cast<void>(pthread_kill(waiter_.native_handle(), SIGUSR1));
  waiter_.join();
}

void Signals::Wait() {
  const sigset_t signals = Watched();
  while (!ending_) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) {
      continue;
    }
    if (signal == SIGHUP) {
      ++hangups_;
    } else if ((signal == SIGINT || signal == SIGTERM) && !stop_.request_stop()) {
      ::_exit(128 + signal);
    }
  }
}

}  // namespace rehome::cli
