"""The compiled loops over the stored entries of count matrices; `cells` prepares their input and reads their output.

Nothing here is reordered by the compiler (no ``fastmath``) and every cell is computed alone, so a cell's numbers are
the same bits whatever block, thread or processor it meets.
"""

import numpy as np
from numba import njit

LN2 = np.log(2.0)
SQRT_HALF_BITS = np.int64(np.float64(np.sqrt(0.5)).view(np.int64))
EXPONENT_BITS = np.int64(np.uint64(0xFFF0000000000000).view(np.int64))
TINY = np.finfo(np.float64).tiny
LANES = 4


@njit(nogil=True, cache=True, error_model="numpy")
def log_normalise(values, start, stop, target, scratch, out):
    """Write log(1 + value * target / total) of one cell to ``out`` and return the total.

    The logarithm is written out so that it becomes vector instructions: with 1 + y = 2^e m and m within a factor
    sqrt(2) of 1, log m = 2 artanh((m - 1) / (m + 1)), whose power series is below rounding error after ten terms.
    """
    count = stop - start
    a = b = c = d = 0.0
    i = start
    while i + LANES <= stop:
        a += values[i]
        b += values[i + 1]
        c += values[i + 2]
        d += values[i + 3]
        i += LANES
    while i < stop:
        a += values[i]
        i += 1
    total = (a + b) + (c + d)
    if not total > 0:
        return 0.0
    factor = target / total
    for k in range(count):
        scratch[k] = 1.0 + values[start + k] * factor
    bits = scratch.view(np.int64)
    for k in range(count):
        shifted = bits[k] - SQRT_HALF_BITS
        out[k] = shifted >> np.int64(52)
        bits[k] -= shifted & EXPONENT_BITS
    for k in range(count):
        m = scratch[k]
        s = (m - 1.0) / (m + 1.0)
        q = s * s
        p = 1 / 19 + q * (1 / 21)
        p = 1 / 15 + q * (1 / 17 + q * p)
        p = 1 / 11 + q * (1 / 13 + q * p)
        p = 1 / 7 + q * (1 / 9 + q * p)
        p = 1 / 3 + q * (1 / 5 + q * p)
        out[k] = out[k] * LN2 + 2.0 * (s + s * q * p)
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def sum_and_square(x, count):
    """Return the sum and the sum of squares of the first values of ``x``."""
    a = b = c = d = 0.0
    aa = bb = cc = dd = 0.0
    k = 0
    while k + LANES <= count:
        a += x[k]
        aa += x[k] * x[k]
        b += x[k + 1]
        bb += x[k + 1] * x[k + 1]
        c += x[k + 2]
        cc += x[k + 2] * x[k + 2]
        d += x[k + 3]
        dd += x[k + 3] * x[k + 3]
        k += LANES
    while k < count:
        a += x[k]
        aa += x[k] * x[k]
        k += 1
    return (a + b) + (c + d), (aa + bb) + (cc + dd)


@njit(nogil=True, cache=True, error_model="numpy")
def prepare(values, start, stop, target, scratch, x):
    """Fill ``x`` with the cell's log-normalised values, or with its values where ``target`` is 0.

    Returns the cell's total, or its number of entries where ``target`` is 0; zero for an empty cell.
    """
    if target > 0:
        return log_normalise(values, start, stop, target, scratch, x)
    for k in range(stop - start):
        x[k] = values[start + k]
    return float(stop - start)


@njit(nogil=True, cache=True, error_model="numpy")
def mark_genes(values, indices, start, stop, seen):
    """Mark the genes that a cell has a value of."""
    for k in range(start, stop):
        if values[k] != 0:
            seen[np.uint32(indices[k])] = True


@njit(nogil=True, cache=True, error_model="numpy")
def repeats(indices, row, last):
    """Tell whether a cell stores a gene twice. ``last``, per gene, remembers the last ``row`` that was looked at."""
    left, right = indices[:-1], indices[1:]
    disorder = np.int32(0)
    for k in range(len(right)):
        disorder |= np.int32(right[k] <= left[k])
    if disorder == 0:
        return False
    twice = False
    for k in range(len(indices)):
        g = np.uint32(indices[k])
        twice |= last[g] == row
        last[g] = row
    return twice


@njit(nogil=True, cache=True, error_model="numpy")
def all_sums(x, indices, weights, seen):
    """Return sum, sum of squares and weighted sum of a cell and mark its genes, in one round for speed."""
    total = square = weighted = 0.0
    for k in range(len(indices)):
        g, value = np.uint32(indices[k]), np.float64(x[k])
        total += value
        square += value * value
        weighted += value * weights[g]
        if value != 0:
            seen[g] = True
    return total, square, weighted


@njit(nogil=True, cache=True, error_model="numpy")
def longest(indptr):
    """Return the most entries of any row."""
    most = 0
    for row in range(len(indptr) - 1):
        most = max(most, indptr[row + 1] - indptr[row])
    return most


@njit(nogil=True, cache=True, error_model="numpy")
def fill(array, value):
    """Set all of a vector to one value; far quicker to compile than assigning to a slice."""
    for k in range(len(array)):
        array[k] = value


@njit(nogil=True, cache=True, error_model="numpy")
def copy(source, out):
    """Write ``source`` to the beginning of ``out``."""
    for k in range(len(source)):
        out[k] = source[k]


@njit(nogil=True, cache=True, error_model="numpy")
def moment_rows(values, indices, indptr, target, sums):
    """Add each cell's values to ``sums`` (genes x 3: log-normalised, its square, linear share of ``target``).

    Returns
    -------
    Cells with any counts.
    """
    room = longest(indptr)
    scratch, x = np.empty(room), np.empty(room)
    cells = 0
    for row in range(len(indptr) - 1):
        start, stop = indptr[row] - indptr[0], indptr[row + 1] - indptr[0]
        total = prepare(values, start, stop, target, scratch, x)
        if total == 0:
            continue
        cells += 1
        for k in range(stop - start):
            g = np.uint32(indices[start + k])
            sums[g, 0] += x[k]
            sums[g, 1] += x[k] * x[k]
            sums[g, 2] += values[start + k] * (target / total)
    return cells


@njit(nogil=True, cache=True, error_model="numpy")
def ulm_rows(values, indices, indptr, target, links, single, seen, totals, sums):
    """Sum what the univariate linear model needs of each cell.

    Parameters
    ----------
    values, indices, indptr
        A block of rows in CSR; ``indptr`` may start anywhere, the other two start at its first value.
    target
        Total that each cell is scaled to before log(1 + x); 0 takes the values as they are.
    links
        `plan.Links`.
    single
        Per gene; the weights once more, used instead of the links where there is one axis only. Else empty.
    seen
        Per gene; becomes True where any row has a value.
    totals
        Rows x 2, written: sum and sum of squares; NaN for an empty cell.
    sums
        Rows x axes, written: sum of weight times value.

    Returns
    -------
    Whether an entry was stored twice.
    """
    room = longest(indptr)
    scratch, x, last = np.empty(room), np.empty(room), np.empty(len(seen), np.int64)
    fill(last, -1)
    twice = False
    for row in range(len(indptr) - 1):
        start, stop = indptr[row] - indptr[0], indptr[row + 1] - indptr[0]
        fill(sums[row], 0.0)
        own, given = indices[start:stop], values[start:stop]
        twice |= repeats(own, row, last)
        if len(single) > 0 and target == 0:
            totals[row, 0], totals[row, 1], sums[row, 0] = all_sums(given, own, single, seen)
        elif prepare(values, start, stop, target, scratch, x) == 0:
            fill(totals[row], np.nan)
        elif len(single) > 0:
            totals[row, 0], totals[row, 1], sums[row, 0] = all_sums(x, own, single, seen)
        else:
            mark_genes(values, indices, start, stop, seen)
            totals[row, 0], totals[row, 1] = sum_and_square(x, stop - start)
            for k in range(stop - start):
                g = np.uint32(own[k])
                if not links.target[g]:
                    continue
                for link in range(links.start[g], links.start[g + 1]):
                    sums[row, links.axis[link]] += links.weight[link] * x[k]
    return twice


@njit(nogil=True, cache=True, error_model="numpy")
def add_scaled(source, factor, out):
    """Add ``factor`` times a vector to the beginning of another."""
    for k in range(len(source)):
        out[k] += factor * source[k]


@njit(nogil=True, cache=True, error_model="numpy")
def dot(x, y):
    """Return the sum of products of two vectors."""
    a = b = c = d = 0.0
    k = 0
    while k + LANES <= len(x):
        a += x[k] * y[k]
        b += x[k + 1] * y[k + 1]
        c += x[k + 2] * y[k + 2]
        d += x[k + 3] * y[k + 3]
        k += LANES
    while k < len(x):
        a += x[k] * y[k]
        k += 1
    return (a + b) + (c + d)


@njit(nogil=True, cache=True, error_model="numpy")
def rival_levels(inverse, total, own_sum, level):
    """Give each rival's level from a cell's sum over all genes and its sums over the rivals' own genes."""
    for i in range(len(level)):
        level[i] = inverse[i, 0] * total
        for j in range(len(level)):
            level[i] += inverse[i, j + 1] * own_sum[j]
        level[i] = max(level[i], 0.0)


@njit(nogil=True, cache=True, error_model="numpy")
def remove_rivals(model, level, stratum_sum, stratum_square, rival_sum, x_sum, x_ss):
    """Give, per stratum, sum and squared deviations of a cell's profile once the rivals' levels are removed."""
    strata = len(model.size)
    copy(stratum_sum[:strata], x_sum)
    copy(stratum_square[:strata], x_ss)
    for i in range(len(level)):
        if level[i] == 0:
            continue
        # The sum of squares loses twice the product with what is removed, and gains its square.
        add_scaled(model.rival_weight[i], -level[i], x_sum)
        add_scaled(rival_sum[i, :strata], -2.0 * level[i], x_ss)
        add_scaled(model.cross[i, i], level[i] * level[i], x_ss)
        for j in range(i):
            if level[j] > 0:
                add_scaled(model.cross[i, j], 2.0 * level[i] * level[j], x_ss)
    for b in range(strata):
        x_ss[b] -= x_sum[b] * x_sum[b] / model.size[b]


@njit(nogil=True, cache=True, error_model="numpy")
def finish_model(model, stratum_sum, stratum_square, rival_sum, own_sum, axis_sum, work, activity):
    """Turn the sums of one cell into the activity of each axis (`plan.weight_sums` tells the algebra)."""
    strata = len(model.size)
    x_sum, x_ss, level = work[0, :strata], work[1, :strata], work[2, : len(own_sum)]
    total, _ = sum_and_square(stratum_sum, strata)
    for group in range(len(model.inverse)):
        rival_levels(model.inverse[group], total, own_sum, level)
        remove_rivals(model, level, stratum_sum, stratum_square, rival_sum, x_sum, x_ss)
        for axis in range(model.first_axis[group], model.first_axis[group + 1]):
            statistic = axis_sum[axis] - dot(level, model.overlap[axis])
            expected = dot(x_sum, model.mean_weight[axis])
            variance = dot(x_ss, model.weight_variance[axis])
            activity[axis] = (statistic - expected) / np.sqrt(max(variance, TINY))


@njit(nogil=True, cache=True, error_model="numpy")
def add_entries(x, indices, links, model, seen, stratum_sum, stratum_square, rival_sum, own_sum, axis_sum, sums):
    """Sum one cell's entries per stratum, per axis, and per rival and stratum; mark its genes.

    Every gene starts as a zero count; a stored count adds what it differs from that.
    """
    copy(model.zero_sum, stratum_sum)
    copy(model.zero_square, stratum_square)
    copy(model.zero_axis, axis_sum)
    copy(model.zero_own, own_sum)
    for slot in range(len(rival_sum)):
        copy(model.zero_slot[slot], rival_sum[slot])
    for k in range(len(indices)):
        g = np.uint32(indices[k])
        b = np.uint32(model.stratum[g])
        z = x[k] * model.gene[g, 0] - model.gene[g, 1]
        z = min(max(z, -model.clip), model.clip)
        change = z - model.gene[g, 2]
        stratum_sum[b] += change
        stratum_square[b] += z * z - model.gene[g, 3]
        if x[k] != 0:
            seen[g] = True
        if not links.target[g]:
            continue
        for link in range(links.start[g], links.start[g + 1]):
            axis, weight = links.axis[link], links.weight[link]
            sums[axis] += weight * x[k]
            axis_sum[axis] += weight * change
            slot = model.slot[axis]
            if slot >= 0:
                rival_sum[slot, b] += weight * change
                own_sum[slot] += links.own[link] * change


@njit(nogil=True, cache=True, error_model="numpy")
def score_rows(values, indices, indptr, rows, target, links, model, seen, group, pseudobulk, totals, sums, activity):
    """Do cells of a block in one pass: plain sums, model sums, activities and pseudobulk.

    Parameters
    ----------
    values, indices, indptr, target, links, seen, totals, sums
        As `ulm_rows`.
    rows
        Rows of the block to do.
    model
        `plan.Model`.
    group
        Rows; the row of ``pseudobulk`` that a cell's counts are added to, -1 for none.
    pseudobulk
        Groups x genes.
    activity
        Rows x axes, written; NaN for an empty cell.

    Returns
    -------
    Whether an entry was stored twice.
    """
    room = longest(indptr)
    scratch, x, last = np.empty(room), np.empty(room), np.empty(len(seen), np.int64)
    fill(last, -1)
    # One place more than there are strata takes the genes outside the model.
    places = len(model.size) + 1
    stratum_sum, stratum_square = np.empty(places), np.empty(places)
    rival_sum, own_sum = np.empty((len(model.zero_own), places)), np.empty(len(model.zero_own))
    axis_sum, work = np.empty(len(model.slot)), np.empty((3, max(places, len(own_sum))))
    twice = False
    for row in rows:
        start, stop = indptr[row] - indptr[0], indptr[row + 1] - indptr[0]
        fill(sums[row], 0.0)
        if prepare(values, start, stop, target, scratch, x) == 0:
            fill(totals[row], np.nan)
            fill(activity[row], np.nan)
            continue
        own = indices[start:stop]
        twice |= repeats(own, row, last)
        totals[row, 0], totals[row, 1] = sum_and_square(x, len(own))
        add_entries(x, own, links, model, seen, stratum_sum, stratum_square, rival_sum, own_sum, axis_sum, sums[row])
        if group[row] >= 0:
            for k in range(start, stop):
                pseudobulk[group[row], np.uint32(indices[k])] += values[k]
        finish_model(model, stratum_sum, stratum_square, rival_sum, own_sum, axis_sum, work, activity[row])
    return twice
