"""Asks held-out questions of the trained parameters or, through llama.cpp, of the exported file.

With --llama-lib the answers come from llama.cpp, its own tokenizer and its Q8_0
arithmetic included, and every prompt's tokens are compared with the trainer's.
"""

import argparse
import json
import os
import sys
from collections import defaultdict

os.environ.setdefault("NPROC", "1")  # the size of XLA's thread pool

import corpus
import export
import llamacpp
import model
import tokenizer

ANSWER_LIMIT = 160  # tokens; the longest stories take about 120
QUESTIONS_SEED = 1


def ask_trainer(items, run):
    params, cfg, tok = run
    answers, batch = [], 64
    params = export.dequantised(params)
    for i in range(0, len(items), batch):
        prompts = [tok.prompt(item.messages) for item in items[i:i + batch]]
        answers += [tok.decode(a) for a in model.greedy(params, cfg, prompts, tokenizer.END, ANSWER_LIMIT)]
    return answers


def chatml(messages):
    text = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in messages)
    return text + "<|im_start|>assistant\n"


def ask_llamacpp(items, run, library, gguf):
    """Answers, and how many prompts llama.cpp tokenises otherwise than the trainer."""
    tok, llama = run[2], llamacpp.Model(library, gguf)
    answers, differ = [], 0
    for item in items:
        prompt = llama.tokenize(chatml(item.messages), special=True)
        differ += prompt != tok.prompt(item.messages)
        answers.append(llama.text(llama.greedy(prompt, ANSWER_LIMIT)))
    return answers, differ


def report(items, answers, show):
    tally = defaultdict(lambda: [0, 0])
    for item, answer in zip(items, answers):
        right = item.is_right(answer)
        tally[item.category][0] += right
        tally[item.category][1] += 1
        if show and not right:
            print(f"  {item.category}: {item.messages[-1][1]!r} -> {answer!r}, want {item.contains or item.answer!r}")
    for category, (right, asked) in tally.items():
        print(f"{category:12} {right:4}/{asked:<4} {100 * right / asked:5.1f}%")
    right = sum(r for r, _ in tally.values())
    print(f"{'all':12} {right:4}/{len(items):<4} {100 * right / len(items):5.1f}%")
    return right / len(items)


def write_questions(path, items):
    with open(path, "w") as out:
        for item in items:
            out.write(json.dumps({
                "category": item.category,
                "messages": [{"role": role, "content": content} for role, content in item.messages],
                "answer": "" if item.contains else item.answer,
                "contains": item.contains,
            }, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, help="the trainer's --out")
    parser.add_argument("--gguf", help="the exported file, for --llama-lib")
    parser.add_argument("--llama-lib", help="directory of libllama.so: ask llama.cpp instead of the trainer")
    parser.add_argument("--per-category", type=int, default=50)
    parser.add_argument("--least", type=float, default=0.0, help="fail below this accuracy")
    parser.add_argument("--write-questions", help="write the questions with their answers to this file instead")
    parser.add_argument("--show", action="store_true", help="print the wrong answers")
    args = parser.parse_args()

    items = corpus.held_out_items(QUESTIONS_SEED, args.per_category)
    if args.write_questions:
        write_questions(args.write_questions, items)
        return
    run = export.load_run(args.run)
    if not args.llama_lib:
        accuracy = report(items, ask_trainer(items, run), args.show)
    else:
        answers, differ = ask_llamacpp(items, run, args.llama_lib, args.gguf)
        accuracy = report(items, answers, args.show)
        print(f"{differ} of {len(items)} prompts are tokenised otherwise than in training")
        if differ:
            sys.exit("llama.cpp and the trainer disagree about tokens")
    if accuracy < args.least:
        sys.exit(f"accuracy {accuracy:.3f} is below {args.least}")


if __name__ == "__main__":
    main()
