"""PyTorch's ways to compute a workload, as fast as we know to write them.

Each contender is a class with `gradient()`, which gives the meta-gradient (or what adaptation
changes) as a list of tensors, and `run()`, which repeats the whole workload once.
"""

import torch
import torch.nn.functional as functional


class Unsuitable(Exception):
    """The contender has no meaning for a workload."""


def forward(layers, parameters, x):
    """The network's outputs; `x` is [n, c, h, w] or [n, inputs]."""
    parameters = iter(parameters)
    for layer in layers:
        kind = layer["kind"]
        if kind == "conv2d":
            x = functional.conv2d(x, next(parameters), next(parameters), padding=layer["padding"])
        elif kind == "relu":
            x = functional.relu(x)
        elif kind == "max_pool":
            x = functional.max_pool2d(x, layer["kernel"])
        elif kind == "batch_norm":
            x = functional.batch_norm(x, None, None, next(parameters), next(parameters), True)
        elif kind == "dense":
            x = functional.linear(x.flatten(1), next(parameters), next(parameters))
        else:
            raise ValueError(f"unknown layer {kind}")
    return x


def loss_function(spec):
    layers = spec["network"]["layers"]
    if spec["loss"] == "cross-entropy":
        return lambda parameters, x, y: functional.cross_entropy(forward(layers, parameters, x), y)

    def euclidean(parameters, x, y):
        return torch.linalg.vector_norm(forward(layers, parameters, x) - y, dim=1).mean()

    return euclidean


class Contender:
    """One thread pool, tasks one after the other."""

    def __init__(self, workload, channels_last=False, dtype=torch.float32):
        self.spec, self.layout = workload.spec, workload.layout
        self.is_image = not isinstance(self.spec["network"]["inputs"], int)
        if channels_last and not self.is_image:
            raise Unsuitable("there are no images")
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.dtype = dtype
        self.parameters = [self._layout(p).requires_grad_()
                           for p in self.layout.tensors(workload.parameters)]
        self.tasks = [[(self._inputs(x), self._labels(y)) for x, y in task]
                      for task in workload.tasks]
        self.loss = loss_function(self.spec)
        maml = self.spec["maml"]
        self.alpha, self.steps = maml["inner_step_size"], maml["inner_steps"]
        self.second_order = maml["second_order"]
        self.optimizer = torch.optim.Adam(self.parameters, lr=self.spec["outer_step_size"],
                                          fused=True)

    def _layout(self, tensor):
        tensor = tensor.to(self.dtype)
        return tensor.contiguous(memory_format=self.format) if tensor.dim() == 4 else tensor

    def _inputs(self, x):
        return self._layout(x.permute(0, 3, 1, 2).contiguous() if self.is_image else x)

    def _labels(self, y):
        return y.to(self.dtype) if y.is_floating_point() else y

    def adapted(self, support, create_graph=False):
        """The parameters after the inner steps."""
        parameters = self.parameters
        for _ in range(self.steps):
            gradients = torch.autograd.grad(self.loss(parameters, *support), parameters,
                                            create_graph=create_graph)
            if create_graph:
                parameters = [p - self.alpha * g for p, g in zip(parameters, gradients)]
            else:
                with torch.no_grad():
                    parameters = torch._foreach_add(parameters, gradients, alpha=-self.alpha)
                for parameter in parameters:
                    parameter.requires_grad_()
        return parameters

    def task_gradient(self, support, query):
        adapted = self.adapted(support, self.second_order)
        of = self.parameters if self.second_order else adapted
        return list(torch.autograd.grad(self.loss(adapted, *query), of))

    def meta_gradient(self):
        total = None
        for support, query in self.tasks:
            gradient = self.task_gradient(support, query)
            total = gradient if total is None else torch._foreach_add(total, gradient)
        return total

    def gradient(self):
        if self.spec["kind"] == "adapt":
            adapted = self.adapted(self.tasks[0][0])
            with torch.no_grad():
                return [after - before for after, before in zip(adapted, self.parameters)]
        return self.meta_gradient()

    def run(self):
        if self.spec["kind"] == "adapt":
            support, query = self.tasks[0]
            adapted = self.adapted(support)
            with torch.no_grad():
                return forward(self.spec["network"]["layers"], adapted, query[0][:1])
        for parameter, gradient in zip(self.parameters, self.meta_gradient()):
            parameter.grad = gradient
        return self.optimizer.step()

    def close(self):
        pass


class Compiled(Contender):
    """The loss compiled with its gradient; the steps around it are eager."""

    def __init__(self, workload):
        super().__init__(workload, channels_last=not isinstance(
            workload.spec["network"]["inputs"], int))
        if self.second_order:
            raise Unsuitable("the gradient of a compiled loss has no gradient")
        self.loss = torch.compile(self.loss, dynamic=False)


class Functional(Contender):
    """A task as one pure function of torch.func."""

    def stepped(self, parameters, x, y):
        """The parameters after the inner steps."""
        for _ in range(self.steps):
            gradients = torch.func.grad(self.loss)(parameters, x, y)
            parameters = [p - self.alpha * g for p, g in zip(parameters, gradients)]
        return parameters

    def one_task(self, parameters, support_x, support_y, query_x, query_y):
        def objective(parameters):
            return self.loss(self.stepped(parameters, support_x, support_y), query_x, query_y)

        if self.second_order:
            return torch.func.grad(objective)(parameters)
        adapted = self.stepped(parameters, support_x, support_y)
        return torch.func.grad(self.loss)(adapted, query_x, query_y)

    def one_adaptation(self, parameters, x, y, image):
        """The adapted parameters, and their answer to an image."""
        adapted = self.stepped(parameters, x, y)
        return adapted, forward(self.spec["network"]["layers"], adapted, image)

    def detached(self):
        return [parameter.detach() for parameter in self.parameters]


class Vmap(Functional):
    """All tasks at once: torch.func's vmap over the tasks."""

    def __init__(self, workload):
        super().__init__(workload)
        if self.spec["kind"] == "adapt":
            raise Unsuitable("there is one task")
        sets = [[task[i][part] for task in self.tasks] for i in (0, 1) for part in (0, 1)]
        self.stacked = [torch.stack(tensors) for tensors in sets]

    def meta_gradient(self):
        over_tasks = torch.func.vmap(self.one_task, in_dims=(None, 0, 0, 0, 0))
        with torch.no_grad():
            return [gradient.sum(0) for gradient in over_tasks(self.detached(), *self.stacked)]


class CompiledTask(Functional):
    """A whole task or adaptation, inner steps and all, compiled as one function."""

    def __init__(self, workload):
        super().__init__(workload, channels_last=not isinstance(
            workload.spec["network"]["inputs"], int))
        adapts = self.spec["kind"] == "adapt"
        whole = self.one_adaptation if adapts else self.one_task
        self.compiled = torch.compile(whole, dynamic=False, fullgraph=True)

    def task_gradient(self, support, query):
        with torch.no_grad():
            return list(self.compiled(self.detached(), *support, *query))

    def adaptation(self):
        (support_x, support_y), (query_x, _) = self.tasks[0]
        with torch.no_grad():
            return self.compiled(self.detached(), support_x, support_y, query_x[:1])

    def gradient(self):
        if self.spec["kind"] != "adapt":
            return super().gradient()
        adapted, _ = self.adaptation()
        return [after - before for after, before in zip(adapted, self.detached())]

    def run(self):
        return self.adaptation() if self.spec["kind"] == "adapt" else super().run()


class BatchedProducts(Contender):
    """A dense network for all tasks at once, by batched matrix products."""

    compiled = False

    def __init__(self, workload):
        super().__init__(workload)
        if self.is_image or self.spec["kind"] == "adapt":
            raise Unsuitable("it is for dense networks and several tasks")
        self.sets = [tuple(torch.stack([task[i][part] for task in self.tasks]) for part in (0, 1))
                     for i in (0, 1)]
        if self.compiled:
            self.batched_loss = torch.compile(self.batched_loss, dynamic=False)

    def batched_loss(self, parameters, x, y):
        """The sum of the tasks' losses."""
        last = len(parameters) - 2
        for i in range(0, len(parameters), 2):
            weight, bias = parameters[i].transpose(1, 2), parameters[i + 1].unsqueeze(1)
            x = torch.baddbmm(bias, x, weight)
            x = torch.relu(x) if i < last else x
        return torch.linalg.vector_norm(x - y, dim=2).mean(1).sum()

    def meta_gradient(self):
        n = len(self.tasks)
        parameters = [p.detach().expand(n, *p.shape).contiguous().requires_grad_()
                      for p in self.parameters]
        for _ in range(self.steps):
            gradients = torch.autograd.grad(self.batched_loss(parameters, *self.sets[0]),
                                            parameters)
            with torch.no_grad():
                parameters = torch._foreach_add(parameters, gradients, alpha=-self.alpha)
            for parameter in parameters:
                parameter.requires_grad_()
        gradients = torch.autograd.grad(self.batched_loss(parameters, *self.sets[1]), parameters)
        return [gradient.sum(0) for gradient in gradients]


class CompiledBatchedProducts(BatchedProducts):
    """The same, compiled."""

    compiled = True


def work(pipe, workload, share, channels_last, parameters, gradients):
    """A process of `Processes`: its share of the tasks, on one thread."""
    torch.set_num_threads(1)
    own = Contender(workload, channels_last)
    own.tasks = own.tasks[share]
    for place, parameter in enumerate(own.parameters):
        parameter.data = parameters[place]
    while pipe.recv():
        for place, gradient in zip(gradients, own.meta_gradient()):
            place.copy_(gradient)
        pipe.send(True)


class Processes(Contender):
    """Tasks spread over processes of one thread each; parameters and gradients in shared memory."""

    def __init__(self, workload, n):
        super().__init__(workload, channels_last=not isinstance(
            workload.spec["network"]["inputs"], int))
        if self.spec["kind"] == "adapt":
            raise Unsuitable("there is one task")
        context = torch.multiprocessing.get_context("spawn")
        for parameter in self.parameters:
            parameter.data = parameter.data.share_memory_()
        values = [parameter.detach() for parameter in self.parameters]
        self.workers = []
        for index in range(n):
            ours, theirs = context.Pipe()
            gradients = [torch.zeros_like(parameter).share_memory_() for parameter in values]
            share = slice(index, None, n)
            arguments = (theirs, ForWorker(workload), share, self.format == torch.channels_last,
                         values, gradients)
            process = context.Process(target=work, args=arguments, daemon=True)
            process.start()
            self.workers.append((process, ours, gradients))

    def meta_gradient(self):
        for _, pipe, _ in self.workers:
            pipe.send(True)
        for process, pipe, _ in self.workers:
            while not pipe.poll(5):
                if not process.is_alive():
                    raise RuntimeError("a worker process ended")
            pipe.recv()
        total = [gradient.clone() for gradient in self.workers[0][2]]
        for _, _, gradients in self.workers[1:]:
            torch._foreach_add_(total, gradients)
        return total

    def close(self):
        for process, pipe, _ in self.workers:
            pipe.send(False)
            process.join(10)


class ForWorker:
    """What a worker needs of a workload; made anew there, as layouts hold functions."""

    def __init__(self, workload):
        self.name = workload.name

    def __getattr__(self, attribute):
        if attribute.startswith("_") or attribute == "name":
            raise AttributeError(attribute)
        from workloads import Workload

        workload = Workload(self.name)
        self.__dict__.update(workload.__dict__)
        return self.__dict__[attribute]


def contenders(threads):
    """Name -> how to make it."""
    return {
        "eager": Contender,
        "eager, channels last": lambda workload: Contender(workload, channels_last=True),
        f"{threads} processes": lambda workload: Processes(workload, threads),
        "torch.compile": Compiled,
        "torch.compile, whole task": CompiledTask,
        "vmap": Vmap,
        "batched products": BatchedProducts,
        "batched products, torch.compile": CompiledBatchedProducts,
    }
