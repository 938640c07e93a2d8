#include "mapping/jq_pool.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <utility>

#include "mapping/jq_child.h"
#include "mapping/jq_source.h"
#include "mapping/text.h"
#include "model/extended_json.h"

namespace rehome {
namespace {

// The kernel ends a call by its CPU time; this only bounds the wait for a child that gets none
// (stopped, swapped out).
constexpr int kSilenceMaxMilliseconds = 120'000;

constexpr std::string_view kHint =
    "mend the jq rule of the plan; `rehome explain PLAN ID` shows it on one document";

/// One child and the socket to it.
class Worker {
 public:
  static Result<Worker> Fork(const std::vector<std::string>& programs, const JqLimits& limits) {
    std::array<int, 2> ends{-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      return Fail(ErrorCode::kUnavailable, "no socket for a jq process",
                  "raise the limit of open files");
    }
    const pid_t pid = fork();
    if (pid == 0) {
      RunJqChild(ends[1], programs, limits);
    }
    close(ends[1]);
    Worker worker(pid, ends[0]);
    if (pid < 0) {
      return Fail(ErrorCode::kUnavailable, "no jq process could be started",
                  "raise the limit of processes, or free memory");
    }
    REHOME_TRY(worker.Receive(limits));  // every program compiled
    return worker;
  }

  Worker(Worker&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), fd_(std::exchange(other.fd_, -1)) {}
  Worker& operator=(Worker&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(fd_, other.fd_);
    return *this;
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    if (fd_ >= 0) {
      close(fd_);
    }
    if (pid_ > 0) {
      static_cast<void>(kill(pid_, SIGKILL));
      static_cast<void>(Reap());
    }
  }

  /// Nothing: the child is gone; the error tells why, and the worker must not be used again.
  Result<std::string> Ask(std::uint32_t index, std::string_view json, const JqLimits& limits) {
    std::string request;
    AppendJqNumber(request, index);
    AppendJqNumber(request, static_cast<std::uint32_t>(json.size()));
    request += json;
    if (!SendJqBytes(fd_, request)) {
      return Ended(limits);
    }
    return Receive(limits);
  }
  [[nodiscard]] bool alive() const { return pid_ > 0; }

 private:
  Worker(pid_t pid, int fd) : pid_(pid), fd_(fd) {}

  /// One answer: its status, its size, its text.
  Result<std::string> Receive(const JqLimits& limits) {
    std::array<char, 5> head{};
    if (!Read(head.data(), head.size())) {
      return Ended(limits);
    }
    std::uint32_t size = 0;
    std::memcpy(&size, head.data() + 1, sizeof(size));
    std::string text(size, '\0');
    if (!Read(text.data(), text.size())) {
      return Ended(limits);
    }
    if (head[0] == kJqFailed) {
      return Fail(ErrorCode::kInvalidArgument, std::move(text), std::string(kHint));
    }
    return text;
  }

  bool Read(char* into, std::size_t bytes) const {
    while (bytes > 0) {
      pollfd waiting{fd_, POLLIN, 0};
      const int ready = poll(&waiting, 1, kSilenceMaxMilliseconds);
      if (ready < 0 && errno == EINTR) {
        continue;
      }
      const ssize_t got = ready > 0 ? recv(fd_, into, bytes, 0) : 0;
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got <= 0) {
        return false;
      }
      into += got;
      bytes -= static_cast<std::size_t>(got);
    }
    return true;
  }

  /// Why the child is gone.
  std::unexpected<Error> Ended(const JqLimits& limits) {
    // A child that closed its socket is on its way out; one that fell silent is not, and is ended
    // here. The signal that comes second changes nothing about the first.
    pollfd waiting{fd_, POLLIN, 0};
    if (poll(&waiting, 1, 0) == 0) {
      static_cast<void>(kill(pid_, SIGKILL));
    }
    const int status = Reap();
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (signal == SIGPROF || signal == SIGKILL || signal == SIGXCPU) {
      return Fail(ErrorCode::kDeadlineExceeded,
                  fmt::format("the jq program ran past {} ms of CPU time", limits.cpu_milliseconds),
                  std::string(kHint));
    }
    return Fail(
        ErrorCode::kResourceExhausted,
        fmt::format("the jq program ran past its {} MiB of memory", limits.memory_bytes >> 20U),
        std::string(kHint));
  }

  int Reap() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

  pid_t pid_;
  int fd_;
};

Document ForJq(DocumentView source) {
  DocumentBuilder builder;
  for (const auto& [key, value] : source) {
    if (value.type() == BsonType::kInt64 || value.type() == BsonType::kDecimal128) {
      builder.String(key, AsText(value));
    } else if (value.type() == BsonType::kDocument || value.type() == BsonType::kArray) {
      const Document inner = ForJq(value.AsDocument());
      builder.Append(key, ValueView(value.type(), inner.bytes()));
    } else {
      builder.Append(key, value);
    }
  }
  return builder.Finish();
}

}  // namespace

struct JqPool::State {
  std::vector<std::string> programs;
  JqLimits limits;
  std::mutex mutex;
  std::vector<Worker> idle;  // guarded by mutex

  /// A waiting child, or a new one.
  Result<Worker> Take() {
    {
      const std::scoped_lock lock(mutex);
      if (!idle.empty()) {
        Worker worker = std::move(idle.back());
        idle.pop_back();
        return worker;
      }
    }
    return Worker::Fork(programs, limits);
  }

  void PutBack(Worker worker) {
    const std::scoped_lock lock(mutex);
    idle.push_back(std::move(worker));
  }
};

std::string JqInput(DocumentView source) {
  return ToExtendedJson(ForJq(source).view(), JsonMode::kRelaxed);
}

Result<JqPool> JqPool::Compile(std::vector<std::string> programs, const JqLimits& limits) {
  for (const std::string& program : programs) {
    if (program.find('\0') != std::string::npos) {
      return Fail(ErrorCode::kInvalidArgument, "the jq program holds a NUL character");
    }
    REHOME_TRY(CheckJqIsPure(program));
  }
  auto state = std::make_unique<State>();
  state->programs = std::move(programs);
  state->limits = limits;
  if (!state->programs.empty()) {
    REHOME_TRY_ASSIGN(Worker worker, state->Take());
    state->PutBack(std::move(worker));
  }
  return JqPool(std::move(state));
}

JqPool::JqPool(std::unique_ptr<State> state) : state_(std::move(state)) {}
JqPool::JqPool(JqPool&&) noexcept = default;
JqPool& JqPool::operator=(JqPool&&) noexcept = default;
JqPool::~JqPool() = default;

Result<Value> JqPool::Run(std::size_t index, DocumentView source) const {
  CHECK(index < state_->programs.size());
  const std::string input = JqInput(source);
  REHOME_TRY_ASSIGN(Worker worker, state_->Take());
  auto answer = worker.Ask(static_cast<std::uint32_t>(index), input, state_->limits);
  if (worker.alive()) {
    state_->PutBack(std::move(worker));
  }
  if (!answer) {
    return std::unexpected(std::move(answer).error());
  }
  auto value = ParseExtendedJsonValue(*answer);
  if (!value) {
    return std::unexpected(std::move(value).error().In("the jq program's result"));
  }
  return value;
}

}  // namespace rehome
